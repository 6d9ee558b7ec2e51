{{ config(meta={'dagster': {'ref': {'name': 'cell'}}}) }}
-- A missing value has a reason, and a value has none.
select 'cell' as place, count(*) as rows_without
from {{ ref('cell') }}
where (value is null and text_value is null) <> (missing_reason is not null)
having count(*) > 0
union all
select 'indicator_value' as place, count(*) as rows_without
from {{ ref('indicator_value') }}
where (value is null) <> (missing_reason is not null)
having count(*) > 0
union all
select 'indicator_history' as place, count(*) as rows_without
from {{ ref('indicator_history') }}
where (value is null) <> (missing_reason is not null)
having count(*) > 0
