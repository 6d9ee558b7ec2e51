-- Written by `python -m warehouse.registry.codebook` from dbt_project/indicators/milieu_en_energie.yml; edit that, not this.
{{ theme_mart() }}
