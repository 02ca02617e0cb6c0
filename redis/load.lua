-- Reads a record with its members, at once.
-- KEYS  1 record  2 members
return {redis.call('HMGET', KEYS[1], 'v', 't', 'e', 's'), redis.call('HGETALL', KEYS[2])}
