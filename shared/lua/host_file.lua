-- host_file.lua: keep one file until Twilio has fetched it, if all files together stay within their bound.
--
-- KEYS: 1 hosted:<token>, 2 hosted-index.
-- ARGV: 1 the file, 2 its lifetime in ms, 3 now in ms, 4 its member of the index, "token:bytes", 5 bytes that it counts, 6 bytes
-- that all may count; 7 what hosted:<token> starts with; 8, 9 the ends, in ms, between which a file makes way for this one.
-- Returns 1 if it is kept, 0 if there is no room. Where there is none, files make way whose parts wait long already (a pause, a dead
-- letter), the oldest first, and only if that is enough. How long a file waits is read from its end, which depends on who set it:
--   a file that waits        hosted + 30 days: it makes way from a day on, so with an end of up to now + 29 days (ARGV 9);
--   a file that was fetched  fetch + 1 hour: Twilio may want it again, and it leaves soon;
--   one of a version that kept files for a day   hosted + 1 day: it may have been hosted a moment ago.
-- So a file whose end is at most a day away (ARGV 8) never makes way: of the first kind that is one in its last day, which makes
-- room by itself. A crash before or after leaves nothing but a file that nobody is told of; it expires. Atomic because two that ask
-- at once must not both get the last room. Frees before it writes: what has expired leaves the index first.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
if redis.call('ZSCORE', KEYS[2], ARGV[4]) then return 1 end -- sent again, because the answer got lost
local counted = tonumber(ARGV[5])
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  counted = counted + tonumber(string.match(member, ':(%d+)$'))
end
local over, leaving = counted - tonumber(ARGV[6]), {}
if over > 0 then
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[8], ARGV[9])) do
    if over <= 0 then break end
    over = over - tonumber(string.match(member, ':(%d+)$'))
    leaving[#leaving + 1] = member
  end
end
if over > 0 then return 0 end
for _, member in ipairs(leaving) do
  redis.call('DEL', ARGV[7] .. string.match(member, '^(.+):%d+$'))
  redis.call('ZREM', KEYS[2], member)
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', ARGV[3] + ARGV[2]), ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
