{{ config(materialized='view', alias='indicator') }}
with figure as (
    select * from {{ ref('indicator_value').include(database=false) }}
),

definition as (
    select * from {{ ref('indicator').include(database=false) }}
),

region as (
    select * from {{ ref('region').include(database=false) }}
),

period as (
    select * from {{ ref('period').include(database=false) }}
),

final as (
    select
        definition.theme,
        figure.indicator_id,
        definition.name_nl as indicator_name,
        figure.definition_version,
        figure.region_code,
        region.name as region_name,
        region.region_type,
        figure.period_code,
        period.period_type,
        period.start_date,
        period.end_date,
        figure.value,
        definition.unit,
        definition.decimals,
        figure.lower_bound,
        figure.upper_bound,
        figure.numerator,
        figure.denominator,
        figure.missing_reason,
        figure.note,
        figure.period_status,
        figure.method,
        figure.series_break,
        figure.series_segment,
        definition.source,
        figure.table_id,
        figure.snapshot_id
    from figure
    inner join definition
        on definition.indicator_id = figure.indicator_id and definition.version = figure.definition_version
    inner join period on period.period_code = figure.period_code
    left join region on region.region_code = figure.region_code
)

select * from final
