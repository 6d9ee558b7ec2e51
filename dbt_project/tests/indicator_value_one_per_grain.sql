{{ config(meta={'dagster': {'ref': {'name': 'indicator_value'}}}) }}
-- Two bindings that give the same figure would make it count twice.
select indicator_id, definition_version, region_code, period_code, count(*) as figures
from {{ ref('indicator_value') }}
group by indicator_id, definition_version, region_code, period_code
having count(*) > 1
