-- Who this data centre is: one row, from region.yml.
select code as region_code, name, group_name, slug, corop_code, province_code
from {{ source('raw', 'data_center') }}
