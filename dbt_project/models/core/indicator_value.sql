{{ config(materialized='by_part', kind='indicator', part='indicator_id', weigh='cells_of_indicators', per_megabyte=var('cells_per_megabyte')) }}
{%- set roles = ['value', 'numerator', 'denominator', 'lower', 'upper'] -%}
-- One figure per indicator, region and period, and how it came about. In steps: the cells that a binding names, added up per
-- role; the figure of each region from them; the figure of a group (such as the data centre's own) from its members' roles; a row with the
-- reason for an indicator that has none; what is withheld; and where each series breaks. A ratio of a group is divided from numerators and
-- denominators added up, never an average of ratios. No figure is moved from one area to another.
with shape as (
    select
        binding_id
        {%- for role in roles %},
        count(*) filter (role = '{{ role }}') as {{ role }}_terms
        {%- endfor %}
    from {{ source('raw', 'term') }}
    group by binding_id
),

-- A column without a single value in its table is one that the source has not filled (yet). Of such a column only our
-- municipalities and the country get a row, to say so: a hundred thousand others would say nothing.
unfilled as (
    select measure_id
    from {{ ref('cell') }}
    where measure_id in (select measure_id from {{ ref('indicator_term') }} where {{ made_now('indicator_id') }})
    group by measure_id
    having count(value) = 0 and count(text_value) = 0
),

own_municipality as (
    select distinct member.region_code, substr(member.region_code, 3, 4) as municipality
    from {{ ref('region_group_member') }} as member
    inner join {{ ref('data_center') }} as center on center.region_code = member.group_code
),

place as (
    select
        row_id,
        snapshot_no,
        dimensions_key,
        {{ canonical_region('region_code') }} as region_code,
        {{ region_type(canonical_region('region_code')) }} as region_type,
        region_code[1:2] = 'NL' or substr(region_code, 3, 4) in (select municipality from own_municipality) as is_own,
        period_code
    from {{ ref('source_row') }}
),

-- A term once for each kind of region that its binding serves: so it meets its own rows by equality alone.
term as (
    select term.* exclude (regions), unnest(term.regions) as region_type, unfilled.measure_id is not null as is_unfilled
    from {{ ref('indicator_term') }} as term
    left join unfilled using (measure_id)
    where term.measure_id is not null and {{ made_now('term.indicator_id') }}
),

-- Which missing reason wins where several parts miss: the one that can least be mended comes first.
found as (
    select
        term.binding_id,
        place.region_code,
        place.period_code
        {%- for role in roles %},
        sum(term.sign * cell.value) filter (term.role = '{{ role }}') as {{ role }}_sum,
        count(cell.value) filter (term.role = '{{ role }}') as {{ role }}_found
        {%- endfor %}
        {%- for role in roles[:3] %},
        count(*) filter (term.role = '{{ role }}') > 0 as has_{{ role }},
        {{ worst_reason("case when term.is_unfilled then 'not_yet_published' else cell.missing_reason end") }}
            filter (term.role = '{{ role }}') as {{ role }}_worst
        {%- endfor %}
    from term
    inner join place
        on place.snapshot_no = term.snapshot_no
        and place.dimensions_key = term.dimensions_key
        and place.region_type = term.region_type
    inner join {{ ref('cell') }} as cell on cell.measure_id = term.measure_id and cell.row_id = place.row_id
    where
        (term.first_period is null or place.period_code >= term.first_period)
        and (term.last_period is null or place.period_code <= term.last_period)
        and (place.is_own or not term.is_unfilled)
    group by term.binding_id, place.region_code, place.period_code
),

status as (
    select term.binding_id, member.code as period_code, {{ weakest_status('member.status') }} as period_status
    from (select distinct binding_id, table_id from {{ ref('indicator_term') }} where {{ made_now('indicator_id') }}) as term
    inner join {{ ref('dimension_member') }} as member on member.table_id = term.table_id and member.kind = 'time'
    group by term.binding_id, member.code
),

dated as (
    select
        found.binding_id,
        found.region_code,
        found.period_code,
        case when shape.value_terms > 0 and found.value_found = shape.value_terms then binding.constant + found.value_sum end as published,
        case when found.numerator_found = shape.numerator_terms then found.numerator_sum end as numerator,
        case when found.denominator_found = shape.denominator_terms then found.denominator_sum end as denominator,
        case when shape.lower_terms > 0 and found.lower_found = shape.lower_terms then binding.constant + found.lower_sum end as lower_bound,
        case when shape.upper_terms > 0 and found.upper_found = shape.upper_terms then binding.constant + found.upper_sum end as upper_bound,
        found.has_value as has_published,
        found.has_denominator,
        shape.value_terms = 1 and binding.constant = 0 as is_single,
        {%- for role in roles[:3] %}
        case when found.{{ role }}_found < shape.{{ role }}_terms then coalesce(found.{{ role }}_worst, 'not_available') end as {{ role }}_reason,
        {%- endfor %}
        status.period_status,
        snapshot.snapshot_id,
        binding.table_id,
        binding.stretch,
        -- Of wijken and buurten CBS rounds the figures; of a source of a municipality the contract says what is too little.
        greatest(
            case when found.region_code[1:2] in ('WK', 'BU') then {{ var('least_denominator') }} end, binding.least_denominator
        ) as least_denominator,
        indicator.indicator_id,
        indicator.version as definition_version,
        indicator.aggregation,
        indicator.factor,
        indicator.why_not,
        period.start_date
    from found
    inner join shape using (binding_id)
    inner join {{ source('raw', 'binding') }} as binding using (binding_id)
    inner join {{ ref('period') }} as period using (period_code)
    inner join {{ ref('indicator') }} as indicator
        on indicator.indicator_id = binding.indicator_id
        and indicator.version = binding.version
        and period.start_date >= indicator.valid_from
        and period.start_date <= coalesce(indicator.valid_to, date '9999-12-31')
    left join {{ ref('snapshot') }} as snapshot on snapshot.table_id = binding.table_id
    left join status on status.binding_id = found.binding_id and status.period_code = found.period_code
    where found.has_value or found.has_numerator
),

-- CBS rounds figures of wijken and buurten to multiples of 5, so that a ratio on a small denominator says nothing (10 of
-- 5 would be 200%): below the bound we divide none. Nor do we where disclosure control of a municipal source would not.
bounded as (
    select
        *,
        coalesce(not has_published and denominator < least_denominator, false) as is_too_small
    from dated
),

own as (
    select
        indicator_id,
        definition_version,
        region_code,
        period_code,
        case
            when has_published then published
            when denominator <> 0 and not is_too_small then factor * numerator / denominator
        end as value,
        numerator,
        denominator,
        lower_bound,
        upper_bound,
        case
            when has_published then value_reason
            when not has_denominator then 'not_available'
            when denominator = 0 then 'impossible'
            else coalesce(numerator_reason, denominator_reason, case when is_too_small then 'suppressed' end)
        end as missing_reason,
        case
            when is_too_small and denominator <> 0 and numerator_reason is null
                then 'De noemer is kleiner dan ' || least_denominator || '; met afgeronde cijfers zegt de verhouding niets.'
            when coalesce(case when has_published then value_reason end, numerator_reason, denominator_reason) = 'not_yet_published'
                then 'De bron heeft deze kolom (nog) niet gevuld.'
        end as note,
        period_status,
        case when has_published and is_single then 'published' else 'computed' end as method,
        snapshot_id,
        table_id,
        binding_id,
        null::varchar as composition
    from bounded
),

member as (
    select region_group.group_code, dated.*
    from dated
    inner join {{ ref('region_group') }} as region_group
        on region_group.region_code = dated.region_code
        and dated.start_date >= region_group.valid_from
        and dated.start_date <= coalesce(region_group.valid_to, date '9999-12-31')
    where dated.region_code like 'GM%'
),

-- How many members a group has at a time, and which: a group of other members is another group.
group_size as (
    select
        region_group.group_code,
        period.period_code,
        count(*) as members,
        md5(string_agg(region_group.region_code, ',' order by region_group.region_code)) as composition
    from {{ ref('region_group') }} as region_group
    inner join {{ ref('period') }} as period
        on period.start_date >= region_group.valid_from
        and period.start_date <= coalesce(region_group.valid_to, date '9999-12-31')
    group by region_group.group_code, period.period_code
),

added as (
    select
        member.indicator_id,
        member.definition_version,
        member.group_code as region_code,
        member.period_code,
        any_value(member.aggregation) as aggregation,
        any_value(member.factor) as factor,
        any_value(member.why_not) as why_not,
        case when count(member.published) = any_value(group_size.members) then sum(member.published) end as total,
        case when count(member.numerator) = any_value(group_size.members) then sum(member.numerator) end as numerator,
        case when count(member.denominator) = any_value(group_size.members) then sum(member.denominator) end as denominator,
        count(*) = any_value(group_size.members) as is_whole,
        {{ worst_reason('coalesce(member.value_reason, member.numerator_reason, member.denominator_reason)') }} as missing_reason,
        any_value(member.period_status) as period_status,
        any_value(member.snapshot_id) as snapshot_id,
        any_value(group_size.composition) as composition,
        any_value(member.least_denominator) as least_denominator,
        member.table_id,
        member.binding_id
    from member
    inner join group_size using (group_code, period_code)
    group by
        member.indicator_id, member.definition_version, member.group_code, member.period_code,
        member.table_id, member.binding_id
),

grouped as (
    select
        indicator_id,
        definition_version,
        region_code,
        period_code,
        case aggregation
            when 'sum' then total
            when 'ratio' then case
                when denominator <> 0 and denominator >= coalesce(least_denominator, 0) then factor * numerator / denominator
            end
        end as value,
        case when aggregation = 'ratio' then numerator end as numerator,
        case when aggregation = 'ratio' then denominator end as denominator,
        case
            when aggregation = 'none' then 'not_available'
            when aggregation = 'sum' and total is not null then null
            when aggregation = 'ratio' and numerator is not null and denominator is not null
                then case when denominator = 0 then 'impossible' when denominator < least_denominator then 'suppressed' end
            else coalesce(missing_reason, 'not_available')
        end as missing_reason,
        case
            when aggregation = 'none' then why_not
            when not is_whole then 'Niet voor alle gemeenten van de groep is er een cijfer.'
        end as note,
        period_status,
        'aggregated' as method,
        snapshot_id,
        table_id,
        binding_id,
        composition
    from added
    -- What the source itself publishes of a province or a COROP region goes before what we add up.
    anti join own using (indicator_id, definition_version, region_code, period_code)
),

latest as (
    select max(start_date) as start_date, arg_max(period_code, start_date) as period_code
    from {{ ref('period') }}
    where period_type = 'jaar' and start_date <= (select max(fetched_at)::date from {{ ref('snapshot') }})
),

own_region as (
    select region_code from own_municipality
    union all
    select region_code from {{ ref('data_center') }}
),

-- What a source does not fit is withheld: the last good figures of it serve on, as far as nothing else gives them.
kept as (
    select kept_figure.*, 'kept' as method, null::varchar as composition
    from {{ source('raw', 'kept_figure') }} as kept_figure
    semi join {{ ref('period') }} as period on period.period_code = kept_figure.period_code
    semi join {{ ref('region') }} as region on region.region_code = kept_figure.region_code
    anti join own using (indicator_id, region_code, period_code)
    anti join grouped using (indicator_id, region_code, period_code)
    where {{ made_now('kept_figure.indicator_id') }}
),

made as (
    select * from own
    union all by name
    select * from grouped
    union all by name
    select * from kept
),

-- What is withheld and has no such figures says so in the period of its table; an indicator without any source in this
-- release says why in the latest year.
unmade as (
    select
        withheld.indicator_id,
        withheld.version as definition_version,
        coalesce(snapshot.declared_period, latest.period_code) as period_code,
        'Ingehouden: ' || string_agg(distinct withheld.reason_nl, ' ' order by withheld.reason_nl) as note,
        withheld.table_id,
        withheld.binding_id
    from {{ source('raw', 'withheld') }} as withheld
    inner join {{ source('raw', 'binding') }} as binding
        on binding.binding_id = withheld.binding_id and list_contains(binding.regions, 'gemeente')
    inner join {{ ref('snapshot') }} as snapshot on snapshot.table_id = withheld.table_id
    cross join latest
    where {{ made_now('withheld.indicator_id') }}
    group by all
    union all by name
    select indicator_id, version as definition_version, latest.period_code, no_figure as note
    from {{ ref('indicator') }}
    cross join latest
    where
        indicator_id not in (select indicator_id from {{ ref('indicator_term') }} where measure_id is not null)
        and {{ made_now('indicator_id') }}
),

absent as (
    select distinct on (unmade.indicator_id, own_region.region_code, unmade.period_code)
        unmade.indicator_id,
        unmade.definition_version,
        own_region.region_code,
        unmade.period_code,
        'not_available' as missing_reason,
        unmade.note,
        'absent' as method,
        unmade.table_id,
        unmade.binding_id
    from unmade
    inner join {{ ref('indicator') }} as indicator
        on indicator.indicator_id = unmade.indicator_id and indicator.version = unmade.definition_version
    inner join {{ ref('period') }} as period
        on period.period_code = unmade.period_code
        and period.start_date >= indicator.valid_from
        and period.start_date <= coalesce(indicator.valid_to, date '9999-12-31')
    cross join own_region
    anti join made
        on made.indicator_id = unmade.indicator_id
        and made.region_code = own_region.region_code
        and made.period_code = unmade.period_code
    order by all
),

figure as (
    select * from made
    union all by name
    select * from absent
),

-- A series is the figures of one indicator, region and kind of period; most have one figure, and nothing to break.
series as (
    select figure.indicator_id, figure.region_code[1:2] as kind, period.period_type
    from figure
    inner join {{ ref('period') }} as period using (period_code)
    group by figure.indicator_id, figure.region_code[1:2], period.period_type
    having count(distinct figure.period_code) > 1
),

placed as (
    select
        figure.indicator_id,
        figure.region_code,
        figure.period_code,
        figure.definition_version,
        figure.table_id,
        figure.composition,
        binding.stretch,
        binding.same_areas,
        binding.series_break as break_here,
        period.period_type,
        period.start_date,
        lag({
            period_code: figure.period_code, start_date: period.start_date, version: figure.definition_version,
            stretch: binding.stretch, table_id: figure.table_id, composition: figure.composition
        }) over (
            partition by figure.indicator_id, figure.region_code, period.period_type order by period.start_date
        ) as before
    from figure
    inner join {{ ref('period') }} as period using (period_code)
    inner join series
        on series.indicator_id = figure.indicator_id
        and series.kind = figure.region_code[1:2]
        and series.period_type = period.period_type
    left join {{ source('raw', 'binding') }} as binding using (binding_id)
),

reorganised_region as (
    select region_code, reorganised
    from {{ ref('published_region') }}
    where len(reorganised) > 0
),

-- Where the source itself broke a series, as the registry declares it.
declared_break as (
    select indicator_id, version, list({day: {{ period_start('first_period') }}, why: why} order by first_period) as breaks
    from {{ source('raw', 'series_break') }}
    group by indicator_id, version
),

judged as (
    select
        placed.indicator_id,
        placed.region_code,
        placed.period_code,
        placed.period_type,
        placed.start_date,
        case
            when placed.before.version <> placed.definition_version
                then coalesce(indicator.series_break, 'Andere definitie: versie ' || placed.definition_version || ' in plaats van ' || placed.before.version || '.')
            when placed.before.stretch <> placed.stretch and placed.break_here is not null then placed.break_here
            -- What the source tells of, and what happened to the area besides: the one does not hide the other.
            else nullif(array_to_string(list_append(
                list_transform(list_filter(
                    declared.breaks, lambda item: item.day > placed.before.start_date and item.day <= placed.start_date
                ), lambda item: item.why),
                case
                    when placed.composition <> placed.before.composition then 'De samenstelling van de groep is veranderd.'
                    when len(list_filter(
                        region.reorganised, lambda day: day > placed.before.start_date and day <= placed.start_date
                    )) > 0 then 'Gemeentelijke herindeling: de gemeente is sinds ' || year(list_max(list_filter(
                        region.reorganised, lambda day: day > placed.before.start_date and day <= placed.start_date
                    ))) || ' een ander gebied.'
                    when placed.region_code[1:2] not in ('WK', 'BU') or year(placed.start_date) = year(placed.before.start_date) then null
                    when placed.same_areas and placed.table_id = placed.before.table_id then null
                    when area_change.unchanged_since <= year(placed.before.start_date) then null
                    when area_change.change_code = '2' then 'De code is veranderd (CBS: indelingswijziging 2): onder deze code viel eerder een ander gebied.'
                    when area_change.change_code = '3' then 'De afbakening van het gebied is veranderd (CBS: indelingswijziging 3).'
                    else 'Niet is na te gaan of het gebied sinds ' || year(placed.before.start_date)
                        || ' hetzelfde is: niet van elk jaar is er een indeling, of zij is veranderd.'
                end
            ), ' '), '')
        end as series_break
    from placed
    inner join {{ ref('indicator') }} as indicator
        on indicator.indicator_id = placed.indicator_id and indicator.version = placed.definition_version
    left join declared_break as declared
        on declared.indicator_id = placed.indicator_id and declared.version = placed.definition_version
    left join reorganised_region as region on region.region_code = placed.region_code
    left join {{ ref('area_change') }} as area_change
        on area_change.region_code = placed.region_code and area_change.year = year(placed.start_date)
    where placed.before is not null
),

series_break as (
    select * from judged where series_break is not null
),

break_days as (
    select indicator_id, region_code, period_type, list(start_date) as days
    from series_break
    group by indicator_id, region_code, period_type
),

final as (
    select
        figure.indicator_id,
        figure.definition_version,
        figure.region_code,
        figure.period_code,
        figure.value,
        figure.numerator,
        figure.denominator,
        figure.lower_bound,
        figure.upper_bound,
        figure.missing_reason,
        figure.note,
        figure.period_status,
        figure.method,
        series_break.series_break,
        (1 + coalesce(len(list_filter(break_days.days, lambda day: day <= period.start_date)), 0))::integer as series_segment,
        figure.snapshot_id,
        figure.table_id,
        figure.binding_id
    from figure
    inner join {{ ref('period') }} as period using (period_code)
    left join series_break
        on series_break.indicator_id = figure.indicator_id
        and series_break.region_code = figure.region_code
        and series_break.period_code = figure.period_code
    left join break_days
        on break_days.indicator_id = figure.indicator_id
        and break_days.region_code = figure.region_code
        and break_days.period_type = period.period_type
)

select * from final
order by indicator_id, region_code, period_code
