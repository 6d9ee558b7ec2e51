-- The registry's terms with the column that each is bound to. Terms of a table that is not in this release are left out;
-- that every other term finds exactly one column was seen to when the registry was loaded (warehouse/making/candidate.py).
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
    inner join {{ ref('measure') }} as measure on measure.measure_id = term.measure_id
    inner join {{ ref('snapshot') }} as snapshot on snapshot.snapshot_no = measure.snapshot_no
)

select * from final
