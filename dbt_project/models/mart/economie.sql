-- Written by `python -m warehouse.codebook` from dbt_project/indicators/economie.yml; edit that, not this.
{{ theme_mart() }}
