{#- One code per region from core.indicator_value on: CBS writes the country as NL00, NL01 or NL1. -#}
{% macro canonical_region(code) -%}
    case when {{ code }} in ('NL00', 'NL1') then 'NL01' else {{ code }} end
{%- endmacro %}

{#- The kind of region, from the first two letters of its code. -#}
{% macro region_type(code) -%}
    case left({{ code }}, 2)
        when 'NL' then 'land' when 'LD' then 'landsdeel' when 'PV' then 'provincie' when 'CR' then 'corop'
        when 'GM' then 'gemeente' when 'WK' then 'wijk' when 'BU' then 'buurt' when 'GG' then 'ggd_regio'
        when 'JZ' then 'jeugdregio' when 'ES' then 'res_regio' when 'ET' then 'res_subregio' else 'overig'
    end
{%- endmacro %}

{#- First day of a period as CBS codes it: yyyyJJ00 year, HJnn half-year, KWnn quarter, MMnn month, SJ00 school year. -#}
{% macro period_start(code) -%}
    case
        when regexp_full_match({{ code }}, '\d{4}(JJ00)') then make_date(left({{ code }}, 4)::int, 1, 1)
        when regexp_full_match({{ code }}, '\d{4}HJ0[12]') then make_date(left({{ code }}, 4)::int, right({{ code }}, 2)::int * 6 - 5, 1)
        when regexp_full_match({{ code }}, '\d{4}KW0[1-4]') then make_date(left({{ code }}, 4)::int, right({{ code }}, 2)::int * 3 - 2, 1)
        when regexp_full_match({{ code }}, '\d{4}MM(0[1-9]|1[0-2])') then make_date(left({{ code }}, 4)::int, right({{ code }}, 2)::int, 1)
        when regexp_full_match({{ code }}, '\d{4}SJ00') then make_date(left({{ code }}, 4)::int, 8, 1)
        when regexp_full_match({{ code }}, '\d{8}') then try_strptime({{ code }}, '%Y%m%d')::date
    end
{%- endmacro %}

{#- The kind of a period, from its code and its first day. -#}
{% macro period_type(code, start) -%}
    case
        when {{ code }} like '____JJ00' then 'jaar'
        when {{ code }} like '____HJ__' then 'halfjaar'
        when {{ code }} like '____KW__' then 'kwartaal'
        when {{ code }} like '____MM__' then 'maand'
        when {{ code }} like '____SJ00' then 'schooljaar'
        when {{ start }} is not null then 'dag'
        else 'overig'
    end
{%- endmacro %}

{#- Last day of a period, from its kind and its first day. -#}
{% macro period_end(type, start) -%}
    case {{ type }}
        when 'jaar' then {{ start }} + interval 1 year - interval 1 day
        when 'schooljaar' then {{ start }} + interval 1 year - interval 1 day
        when 'halfjaar' then {{ start }} + interval 6 month - interval 1 day
        when 'kwartaal' then {{ start }} + interval 3 month - interval 1 day
        when 'maand' then {{ start }} + interval 1 month - interval 1 day
        when 'dag' then {{ start }}
    end::date
{%- endmacro %}

{#- A month and day (`10-01`) in a period: the first such day that does not come before the period. -#}
{% macro day_in_period(month_day, start) -%}
    case when (year({{ start }}) || '-' || {{ month_day }})::date >= {{ start }}
        then (year({{ start }}) || '-' || {{ month_day }})::date
        else ((year({{ start }}) + 1) || '-' || {{ month_day }})::date
    end
{%- endmacro %}

{#- A region's name without the abbreviation of its kind that CBS puts behind it: `Noord-Brabant (PV)`. -#}
{% macro region_name(title) -%}
    regexp_replace({{ title }}, '\s*\((LD|PV|CR|GG|JZ|ES|ET)\)$', '')
{%- endmacro %}

{#- The kind of a grouping of municipalities, from the first two letters of its code; else the topic group that it is under. -#}
{% macro area_type(code, path) -%}
    case left({{ code }}, 2)
        when 'LD' then 'landsdeel' when 'PV' then 'provincie' when 'CR' then 'corop' when 'CS' then 'corop_sub'
        when 'CP' then 'corop_plus' when 'GG' then 'ggd_regio' when 'JZ' then 'jeugdregio' when 'AM' then 'arbeidsmarktregio'
        when 'AR' then 'arrondissement' when 'LB' then 'landbouwgebied' when 'LG' then 'landbouwgebied_groep'
        when 'RE' then 'politie_eenheid' when 'VR' then 'veiligheidsregio' when 'VT' then 'veilig_thuis'
        when 'ZK' then 'zorgkantoorregio' when 'ES' then 'res_regio' when 'ET' then 'res_subregio' when 'TR' then 'toeristengebied'
        when 'TG' then 'toeristengebied_groep' when 'RT' then 'ressort' when 'KK' then 'kvk_regio'
        else {{ path }}
    end
{%- endmacro %}
