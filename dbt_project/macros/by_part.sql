{#-
    A table that is put together from parts: one per indicator, say. What core.build_part says was taken over from the release
    before is in the table already, as a build goes on from a copy of that release; the model selects the other parts (with
    `made_now`), and this materialization puts them in the place of what was there. In a table that starts from nothing every
    part is made.

    config: `kind`, the kind of part; `part`, the column that says to which part a row belongs. A model that needs much memory also has
    `weigh`, a macro that selects a weight for each part, and `per_megabyte`, how much of it is made at a time for each megabyte that DuckDB may
    have: so its parts are made in turns.
-#}
{% materialization by_part, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {#- What the model selects may come from the table itself: nothing of it goes before all is made. -#}
    {%- set made = target if existing is none else make_temp_relation(target).include(database=false, schema=false) -%}
    {{ run_hooks(pre_hooks) }}
    {% for turn in turns() %}
        {% if turn is not none %}{% do run_query("set variable in_turn = [" ~ turn ~ "]") %}{% endif %}
        {% call statement('main' if loop.first else 'turn_' ~ loop.index) %}
            {% if loop.first %}{{ create_table_as(existing is not none, made, compiled_code) }}
            {% else %}insert into {{ made }} by name select * from ({{ compiled_code }}){% endif %}
        {% endcall %}
    {% endfor %}
    {% do run_query("reset variable in_turn") %}
    {% if existing is none %}
        {#- The copy that a build goes on from has its comments: its code is the same. -#}
        {% do persist_docs(target, model) %}
    {% else %}
        {% call statement('replace') %}
            delete from {{ target }} where {{ config.require('part') }} not in ({{ parts_taken_over(config.require('kind')) }});
            insert into {{ target }} by name select * from {{ made }};
            drop table {{ made }}
        {% endcall %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- Which parts are made at a time, in their order, each turn as a list in SQL; one turn of none where all are made at once. -#}
{% macro turns() %}
    {%- set weigh = config.get('weigh') -%}
    {%- if not weigh -%}{{ return([none]) }}{%- endif -%}
    {%- set limit = run_query("select current_setting('memory_limit')").columns[0].values()[0].split() -%}
    {%- set megabytes = limit[0] | float * {'KiB': 1 / 1024, 'MiB': 1, 'GiB': 1024, 'TiB': 1024 * 1024}[limit[1]] -%}
    {%- set at_once = [1, megabytes * config.require('per_megabyte')] | max | int -%}
    {%- set found = run_query(
        "select string_agg('''' || replace(part, '''', '''''') || '''', ', ' order by part) as turn from ("
        ~ "select part, sum(coalesce(weight, 0)) over (order by part) // " ~ at_once ~ " as number "
        ~ "from " ~ ref('build_part') ~ " left join (" ~ context[weigh]() ~ ") using (part) "
        ~ "where kind = '" ~ config.require('kind') ~ "' and made_in is null) group by number order by number"
    ) -%}
    {{ return(found.columns['turn'].values() | list or [none]) }}
{% endmacro %}

{#-
    A table that is one part of its own: it stays as it is where core.build_part says that it was taken over. Its name is the part.
    config: `kind`, the kind of part.
-#}
{% materialization whole_part, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set same = [] -%}
    {% if existing is not none and execute %}
        {% set same = run_query("select 1 where '" ~ this.identifier ~ "' in (" ~ parts_taken_over(config.require('kind')) ~ ")").rows %}
    {% endif %}
    {{ run_hooks(pre_hooks) }}
    {% if same | length %}
        {% call noop_statement('main', 'TAKEN OVER') %}{% endcall %}
    {% else %}
        {{ drop_relation_if_exists(existing) }}
        {% call statement('main') %}{{ create_table_as(False, target, compiled_code) }}{% endcall %}
        {% do persist_docs(target, model) %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- The parts of a kind that are those of the release before. -#}
{% macro parts_taken_over(kind) -%}
    select part from {{ ref('build_part') }} where kind = '{{ kind }}' and made_in is not null
{%- endmacro %}

{#-
    A condition: the row belongs to a part that this build makes, or that is no part any more. Of a model that makes its parts in
    turns: and it is the turn of the part.
-#}
{% macro made_now(column, kind='indicator') -%}
    {{ column }} not in ({{ parts_taken_over(kind) }})
    and coalesce(list_contains(getvariable('in_turn')::varchar[], {{ column }}), true)
{%- endmacro %}

{#- What a table says, whatever the order of its rows, as one text. -#}
{% macro content_of(columns) -%}
    concat_ws('/', count(*), sum(hash({{ columns | join(", ") }})::hugeint), bit_xor(hash({{ columns | join(", ") }})))
{%- endmacro %}
