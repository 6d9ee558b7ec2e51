{{ config(meta={'dagster': {'ref': {'name': 'cell'}}}) }}
-- Every row of a wide table has every measure once; every observation of a long table is there once. Boundaries are no cells.
with expected as (
    select
        snapshot.snapshot_id,
        case snapshot.layout
            when 'long' then snapshot.row_count
            else snapshot.row_count * (select count(*) from {{ ref('measure') }} as m where m.table_id = snapshot.table_id)
        end as cells
    from {{ ref('snapshot') }} as snapshot
    where snapshot.layout <> 'areas'
),

-- 64 rows share a group, in which each has a bit of its own: a quarter of the time, and far less memory, than counting
-- distinct cells takes. There are tens of millions of them.
block as (
    select
        source_row.snapshot_no,
        count(*) as cells,
        bit_count(bit_or(1::ubigint << (cell.row_id % 64)::int)) as distinct_cells
    from {{ ref('cell') }} as cell
    inner join {{ ref('source_row') }} as source_row using (row_id)
    group by source_row.snapshot_no, cell.measure_id, cell.row_id // 64
),

found as (
    select snapshot.snapshot_id, sum(block.cells) as cells, sum(block.distinct_cells) as distinct_cells
    from block
    inner join {{ ref('snapshot') }} as snapshot using (snapshot_no)
    group by snapshot.snapshot_id
)

select expected.snapshot_id, expected.cells as expected_cells, found.cells, found.distinct_cells
from expected
left join found using (snapshot_id)
where found.cells is distinct from expected.cells or found.distinct_cells is distinct from expected.cells
