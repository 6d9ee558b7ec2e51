with code as (
    select distinct period_code from {{ ref('source_row') }}
),

dated as (
    select period_code, {{ period_start('period_code') }} as start_date from code
),

typed as (
    select
        period_code,
        start_date,
        case
            when period_code like '____JJ00' then 'jaar'
            when period_code like '____HJ__' then 'halfjaar'
            when period_code like '____KW__' then 'kwartaal'
            when period_code like '____MM__' then 'maand'
            when period_code like '____SJ00' then 'schooljaar'
            when start_date is not null then 'dag'
            else 'overig'
        end as period_type
    from dated
),

final as (
    select
        period_code,
        period_type,
        start_date,
        case period_type
            when 'jaar' then start_date + interval 1 year - interval 1 day
            when 'schooljaar' then start_date + interval 1 year - interval 1 day
            when 'halfjaar' then start_date + interval 6 month - interval 1 day
            when 'kwartaal' then start_date + interval 3 month - interval 1 day
            when 'maand' then start_date + interval 1 month - interval 1 day
            when 'dag' then start_date
        end::date as end_date
    from typed
)

select * from final
order by period_code
