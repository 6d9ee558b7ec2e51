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

reference as (
    select * from {{ ref('indicator_reference').include(database=false) }}
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
        region.parent_code,
        parent.name as parent_name,
        figure.period_code,
        period.period_type,
        period.start_date,
        period.end_date,
        reference.reference_start,
        reference.reference_end,
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
    left join region as parent on parent.region_code = region.parent_code
    left join reference
        on reference.indicator_id = figure.indicator_id
        and reference.definition_version = figure.definition_version
        and reference.period_code = figure.period_code
)

select * from final
