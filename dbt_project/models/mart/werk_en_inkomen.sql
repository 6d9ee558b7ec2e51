-- Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/werk_en_inkomen.yml; edit that, not this.
{{ theme_mart() }}
