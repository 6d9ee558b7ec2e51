-- The registry's terms of the tables of this release, with the column that each is bound to; none where the binding is
-- withheld. That every other term finds exactly one column was seen to when the registry was loaded
-- (warehouse/making/binding.py).
with term as (
    select * from {{ source('raw', 'term') }}
),

binding as (
    select * from {{ source('raw', 'binding') }}
),

final as (
    select
        term.binding_id,
        binding.indicator_id,
        binding.version,
        term.role,
        term.term_no,
        term.sign,
        term.table_id,
        term.bound_to,
        term.dimensions_key,
        term.measure_id::integer as measure_id,
        measure.measure_code,
        snapshot.snapshot_id,
        snapshot.snapshot_no,
        binding.regions,
        binding.first_period,
        binding.last_period,
        binding.constant,
        binding.seen
    from term
    inner join binding using (binding_id)
    inner join {{ ref('snapshot') }} as snapshot on snapshot.table_id = term.table_id
    left join {{ ref('measure') }} as measure on measure.measure_id = term.measure_id
)

select * from final
