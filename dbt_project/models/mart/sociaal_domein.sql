-- Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/sociaal_domein.yml; edit that, not this.
{{ theme_mart() }}
