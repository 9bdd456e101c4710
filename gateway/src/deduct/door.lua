-- Looks, decides and changes in one step. KEYS[1]: units that are left; ARGV[1]: units that are asked
-- for; ARGV[2]: 'look' (KEYS[1] is what PostgreSQL confirmed a moment ago, which only a zero refuses)
-- or 'take' (it is a slice set aside, from which is taken).
-- Gives {1, left}, with -1 for unknown, or {0, -1}: it cannot succeed.
local left = redis.call('GET', KEYS[1])
if not left then
    -- Missing is not zero.
    return {1, -1}
end
left = tonumber(left)
local asked = tonumber(ARGV[1])
if ARGV[2] == 'look' then
    if left <= 0 then
        return {0, -1}
    end
    return {1, left}
end
if left < asked then
    return {0, -1}
end
return {1, redis.call('DECRBY', KEYS[1], asked)}
