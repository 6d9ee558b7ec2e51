-- What the registry binds and this release does not have, as the source does not fit: one row per binding and fault.
with withheld as (
    select * from {{ source('raw', 'withheld') }}
),

kept as (
    select binding_id, count(*) as kept_figures
    from {{ ref('indicator_value') }}
    where method = 'kept'
    group by binding_id
),

final as (
    select
        withheld.indicator_id,
        withheld.version,
        withheld.table_id,
        withheld.place,
        withheld.reason,
        withheld.reason_nl,
        coalesce(kept.kept_figures, 0)::bigint as kept_figures
    from withheld
    left join kept using (binding_id)
)

select * from final
order by all
