with source as (
    select * from {{ source('raw', 'disclosure_rule') }}
),

final as (
    select
        table_id,
        measure_code,
        kind,
        units,
        threshold,
        rounding,
        zeros,
        least_denominator,
        dominance,
        p_percent,
        numerator,
        denominator,
        why
    from source
)

select * from final
