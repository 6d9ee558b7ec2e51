-- The registry's terms as they resolve against the tables of this build. A term of a table that is not here (yet) is
-- left out; one that finds no column, or two, fails the test on `matches`. A term without topic groups is bound by its
-- stem alone, which must then be the only one of its name in the table.
with term as (
    select
        term.*,
        binding.indicator_id,
        binding.version,
        binding.table_id as binding_table_id,
        binding.regions,
        binding.first_period,
        binding.last_period
    from {{ source('raw', 'term') }} as term
    inner join {{ source('raw', 'binding') }} as binding using (binding_id)
),

landed as (
    select term.*, snapshot.snapshot_no, snapshot.snapshot_id
    from term
    inner join {{ ref('snapshot') }} as snapshot using (table_id)
),

matched as (
    select
        landed.* exclude (measure_code),
        coalesce(landed.measure_code, landed.stem || ' (' || landed.path || ')') as bound_to,
        measure.measure_id,
        measure.measure_code
    from landed
    left join {{ ref('measure') }} as measure
        on measure.table_id = landed.table_id
        and measure.stem = coalesce(landed.measure_code, landed.stem)
        and (landed.measure_code is not null or landed.path = '' or measure.measure_path = landed.path)
),

final as (
    select
        *,
        count(measure_id) over (partition by binding_id, role, term_no) as matches,
        count(distinct term_no) over (partition by binding_id, role) as landed_terms
    from matched
)

select * from final
