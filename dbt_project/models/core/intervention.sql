-- The policy choices whose effect is asked for, as they were declared. What came of them: mart.policy_effect.
with final as (
    select
        intervention_id,
        position,
        declaration ->> '$.title' as title,
        declaration ->> '$.what' as what,
        declaration ->> '$.region' as region_code,
        declaration ->> '$.from_period' as from_period,
        declaration ->> '$.until_period' as until_period,
        from_json(declaration -> '$.indicators', '[{"indicator": "VARCHAR", "direction": "VARCHAR", "relevant": "DOUBLE"}]') as indicators,
        declaration ->> '$.decided_by' as decided_by,
        declaration ->> '$.legal_basis' as legal_basis,
        (declaration ->> '$.declared_on')::date as declared_on,
        committed_on,
        from_json(declaration -> '$.disturbances', '["VARCHAR"]') as disturbances,
        from_json(declaration -> '$.excluded', '[{"region": "VARCHAR", "why": "VARCHAR"}]') as excluded,
        from_json(declaration -> '$.also_treated', '["VARCHAR"]') as also_treated,
        from_json(declaration -> '$.compare_with', '["VARCHAR"]') as compare_with,
        declaration ->> '$.published' as published,
        (declaration -> '$.example')::boolean as example,
        declaration
    from {{ source('raw', 'intervention') }}
)

select * from final
order by position
