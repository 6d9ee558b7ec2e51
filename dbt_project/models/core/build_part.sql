-- What this release is put together from, and in which release each part was made. A part is known by its key, which is over all
-- that it is made from: where that is what it was, the part is what it was. Everything else that could matter (a model, a
-- definition, who this data centre is, DuckDB's version) is the code of a release, and of another code nothing is taken over.
with earlier as (
    select * from {{ source('raw', 'part') }}
),

snapshot as (
    select * from {{ source('raw', 'snapshot') }}
),

statuses as (
    select snapshot_no, {{ content_of(['code', 'status']) }} as content
    from {{ ref('stg_statline__code') }}
    where kind = 'time'
    group by snapshot_no
),

source_table as (
    select
        snapshot.table_id,
        concat_ws('/', snapshot.snapshot_no, snapshot.snapshot_id, snapshot.sha256) as cells,
        concat_ws('/', cells, statuses.content) as content
    from snapshot
    left join statuses using (snapshot_no)
),

-- What figures of any indicator may turn on: which regions a group has, which areas became others, and the latest year.
region_groups as (
    select {{ content_of(['group_code', 'group_name', 'group_type', 'region_code', 'valid_from', 'valid_to']) }} as content
    from {{ ref('region_group') }}
),

places as (
    select {{ content_of(['region_code', 'name', 'region_type', 'parent_code', 'valid_from', 'valid_to']) }} as content
    from {{ ref('region') }}
),

large_places as (
    select {{ content_of(['region_code', 'name', 'region_type', 'parent_code']) }} as content
    from {{ ref('region') }}
    where region_code[1:2] not in ('WK', 'BU')
),

reorganised as (
    select {{ content_of(['region_code', 'reorganised']) }} as content
    from {{ ref('published_region') }}
    where len(reorganised) > 0
),

area_changes as (
    select {{ content_of(['region_code', 'year', 'change_code', 'unchanged_since']) }} as content
    from {{ ref('area_change') }}
),

periods as (
    select
        {{ content_of(['period_code']) }} as content,
        arg_max(period_code, start_date) filter (
            period_type = 'jaar' and start_date <= (select max(fetched_at)::date from snapshot)
        ) as latest
    from {{ ref('period') }}
),

surroundings as (
    select concat_ws('|', region_groups.content, large_places.content, reorganised.content, area_changes.content, periods.latest) as content
    from region_groups
    cross join large_places
    cross join reorganised
    cross join area_changes
    cross join periods
),

binding as (
    select
        binding.indicator_id,
        md5(string_agg(to_json(binding)::varchar, ',' order by binding.binding_id)) as content
    from {{ source('raw', 'binding') }} as binding
    group by binding.indicator_id
),

term as (
    select binding.indicator_id, md5(string_agg(to_json(term)::varchar, ',' order by term.binding_id, term.role, term.term_no)) as content
    from {{ source('raw', 'term') }} as term
    inner join {{ source('raw', 'binding') }} as binding using (binding_id)
    group by binding.indicator_id
),

drawn_on as (
    select binding.indicator_id, binding.table_id
    from {{ source('raw', 'binding') }} as binding
    union
    select binding.indicator_id, term.table_id
    from {{ source('raw', 'term') }} as term
    inner join {{ source('raw', 'binding') }} as binding using (binding_id)
),

tables as (
    select drawn_on.indicator_id, string_agg(concat_ws('=', drawn_on.table_id, source_table.content), ',' order by drawn_on.table_id) as content
    from drawn_on
    left join source_table using (table_id)
    group by drawn_on.indicator_id
),

definition as (
    select indicator_id, any_value(theme) as theme, md5(string_agg(to_json(indicator)::varchar, ',' order by version)) as content
    from {{ source('raw', 'indicator') }} as indicator  -- noqa: AL05
    group by indicator_id
),

withheld as (
    select indicator_id, md5(string_agg(to_json(withheld)::varchar, ',' order by to_json(withheld)::varchar)) as content
    from {{ source('raw', 'withheld') }} as withheld  -- noqa: AL05
    group by indicator_id
),

indicator as (
    select
        definition.indicator_id,
        definition.theme,
        md5(concat_ws('|', definition.content, binding.content, term.content, tables.content, withheld.content, surroundings.content)) as key,
        -- What is kept of an earlier release is looked up in that release, each time.
        definition.indicator_id in (select indicator_id from {{ source('raw', 'kept_figure') }}) as always_made
    from definition
    left join binding using (indicator_id)
    left join term using (indicator_id)
    left join tables using (indicator_id)
    left join withheld using (indicator_id)
    cross join surroundings
),

part as (
    select 'source_table' as kind, table_id as part, md5(cells) as key, false as always_made from source_table
    union all by name
    select 'indicator' as kind, indicator_id as part, key, always_made from indicator
    union all by name
    select
        'mart' as kind,
        indicator.theme as part,
        md5(string_agg(indicator.key, ',' order by indicator.indicator_id) || any_value(places.content) || any_value(periods.content)) as key,
        bool_or(always_made) as always_made
    from indicator
    cross join places
    cross join periods
    group by indicator.theme
),

final as (
    select part.kind, part.part, part.key, case when not part.always_made then earlier.made_in end as made_in
    from part
    left join earlier on earlier.kind = part.kind and earlier.part = part.part and earlier.key = part.key
)

select * from final
order by kind, part
