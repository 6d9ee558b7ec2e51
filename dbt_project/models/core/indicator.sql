with source as (
    select * from {{ source('raw', 'indicator') }}
),

final as (
    select
        indicator_id, version, theme, theme_title, position, name_nl, definition, unit, decimals, direction,
        aggregation, factor, why_not, numerator, denominator, caveats, series_break, source, publisher, licence,
        source_tables, lowest_region, bbv, taakveld, availability, no_figure, bindings, definition_hash, valid_from, valid_to
    from source
)

select * from final
order by position, version
