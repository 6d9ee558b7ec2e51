with code as (
    select distinct period_code from {{ ref('source_row') }}
),

dated as (
    select period_code, {{ period_start('period_code') }} as start_date from code
),

typed as (
    select period_code, start_date, {{ period_type('period_code', 'start_date') }} as period_type
    from dated
),

final as (
    select period_code, period_type, start_date, {{ period_end('period_type', 'start_date') }} as end_date
    from typed
)

select * from final
order by period_code
