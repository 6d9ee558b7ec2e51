with source as (
    select * from {{ source('raw', 'indicator') }}
),

final as (
    select
        source.indicator_id, source.version, theme, theme_title, position, name_nl, definition, unit, decimals, direction,
        aggregation, factor, why_not, numerator, denominator, caveats, series_break, source, publisher, licence,
        source_tables, lowest_region, bbv, taakveld, availability, no_figure, bindings, definition_hash, valid_from, valid_to,
        label.reference, label.is_total, label.not_comparable
    from source
    left join {{ source('raw', 'label') }} as label
        on label.indicator_id = source.indicator_id and label.version = source.version
)

select * from final
order by position, version
