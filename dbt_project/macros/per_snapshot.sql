{#-
    A table that is loaded snapshot by snapshot instead of in one statement: a model of this materialization selects
    the empty shape, and the macro named in its config `load` gives the select for one snapshot. So a load needs the
    memory of one table, not of all, and each part is sorted on its own. What is taken over from the release before is there
    already; `snapshot_no` in its config says of which snapshot a row is.
-#}
{% materialization per_snapshot, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set load = context[config.require('load')] -%}
    {{ run_hooks(pre_hooks) }}
    {% if load_cached_relation(this) is none %}
        {% call statement('main') %}
            create table {{ target }} as select * from ({{ sql }}) limit 0
        {% endcall %}
        {% do persist_docs(target, model) %}
    {% else %}
        {% call statement('main') %}
            delete from {{ target }}
            where {{ config.require('snapshot_no') }} not in (select snapshot_no from raw.snapshot where is_taken_over)
        {% endcall %}
    {% endif %}
    {% if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {% endif %}
    {% for snapshot in snapshots() %}
        {% call statement('load_' ~ loop.index) %}
            insert into {{ target }} by name {{ load(snapshot) }}
        {% endcall %}
    {% endfor %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
