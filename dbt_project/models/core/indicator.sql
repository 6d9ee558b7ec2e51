with source as (
    select * from {{ source('raw', 'indicator') }}
),

final as (
    select
        indicator_id, version, theme, theme_title, position, name_nl, definition, unit, decimals, direction,
        aggregation, factor, why_not, numerator, denominator, caveats, source, bbv, valid_from, valid_to
    from source
)

select * from final
order by position, version
