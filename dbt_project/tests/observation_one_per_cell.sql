{{ config(meta={'dagster': {'ref': {'name': 'observation'}}}) }}
-- The view has every cell once: none is lost for a row, measure or snapshot that isn't there, none is doubled by a period's status.
select cells, observations
from
    (select count(*) as cells from {{ ref('cell') }}),
    (select count(*) as observations from {{ ref('observation') }})
where cells <> observations
