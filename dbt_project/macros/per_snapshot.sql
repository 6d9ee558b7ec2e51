{#-
    A table that is loaded snapshot by snapshot instead of in one statement: a model of this materialization selects
    the empty shape, and the macro named in its config `load` gives the select for one snapshot. So a load needs the
    memory of one table, not of all, and each part is sorted on its own.
-#}
{% materialization per_snapshot, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set load = context[config.require('load')] -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        create or replace table {{ target }} as select * from ({{ sql }}) limit 0
    {% endcall %}
    {% if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {% endif %}
    {% for snapshot in snapshots() %}
        {% call statement('load_' ~ loop.index) %}
            insert into {{ target }} by name {{ load(snapshot) }}
        {% endcall %}
    {% endfor %}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
