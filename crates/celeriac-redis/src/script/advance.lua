-- Does what follows from steps that have ended, all of it or nothing. The
-- functions `record`, `join`, `mark_steps` and `publish` are the scripts of these
-- names. ARGV: of outcomes, joins, statuses and messages the number of calls, and
-- of each its key, how many arguments there are, and those. Answers nothing if an
-- outcome is there already, else what the records and then the joins answered.
local at = 0
local function word()
  at = at + 1
  return ARGV[at]
end
local function words()
  local list = {}
  for i = 1, tonumber(word()) do list[i] = word() end
  return list
end
local records, seen = {}, {}
for i = 1, tonumber(word()) do
  local bucket, outcomes = word(), words()
  records[i] = {bucket, outcomes}
  for at = 3, #outcomes, 2 do
    local id = outcomes[at]
    if seen[id] or redis.call('HEXISTS', bucket, id) == 1 then return false end
    seen[id] = true
  end
end
local answers = {}
for i, call in ipairs(records) do answers[i] = record({call[1]}, call[2]) end
for _, script in ipairs({join, mark_steps, publish}) do
  for i = 1, tonumber(word()) do
    local key = word()
    local answer = script({key}, words())
    if script == join then answers[#answers + 1] = answer end
  end
end
return answers
