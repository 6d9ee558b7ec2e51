-- Which municipality belongs to which group, from when to when, where no table says so: from region.yml.
select group_code, group_name, group_type, parent_code, region_code, region_name, valid_from, valid_to, source
from {{ source('raw', 'region_group_member') }}
