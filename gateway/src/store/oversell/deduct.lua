local stock = tonumber(redis.call("GET", KEYS[1]))
if not stock or stock < tonumber(ARGV[1]) then
  return {0, -1}
end
redis.call("DECRBY", KEYS[1], ARGV[1])
return {1, stock - tonumber(ARGV[1])}
