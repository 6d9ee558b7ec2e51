{#-
    A table that is put together from parts: one per indicator, say. What core.build_part says was taken over from the release
    before is in the table already, as a build goes on from a copy of that release; the model selects the other parts (with
    `made_now`), and this materialization puts them in the place of what was there. In a table that starts from nothing every
    part is made.

    config: `kind`, the kind of part; `part`, the column that says to which part a row belongs.
-#}
{% materialization by_part, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {% if load_cached_relation(this) is none %}
        {% call statement('main') %}{{ create_table_as(False, target, compiled_code) }}{% endcall %}
        {#- The copy that a build goes on from has them: its code is the same. -#}
        {% do persist_docs(target, model) %}
    {% else %}
        {%- set made = make_temp_relation(target) -%}
        {% call statement('main') %}{{ create_table_as(True, made, compiled_code) }}{% endcall %}
        {% call statement('replace') %}
            delete from {{ target }} where {{ config.require('part') }} not in ({{ parts_taken_over(config.require('kind')) }});
            insert into {{ target }} by name select * from {{ made.include(database=false, schema=false) }};
            drop table {{ made.include(database=false, schema=false) }}
        {% endcall %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

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

{#- A condition: the row belongs to a part that this build makes, or that is no part any more. -#}
{% macro made_now(column, kind='indicator') -%}
    {{ column }} not in ({{ parts_taken_over(kind) }})
{%- endmacro %}

{#- What a table says, whatever the order of its rows, as one text. -#}
{% macro content_of(columns) -%}
    concat_ws('/', count(*), sum(hash({{ columns | join(", ") }})::hugeint), bit_xor(hash({{ columns | join(", ") }})))
{%- endmacro %}
