-- Does what follows from steps that have ended, all of it or nothing. The
-- functions `join`, `mark_steps` and `publish` are the scripts of these names.
-- ARGV: number of outcomes; of each its key, how many words there are, and the
-- command that records it; then of joins, statuses and messages the number of
-- calls, and of each its key, how many arguments there are, and those. Answers
-- nothing if an outcome is there already, else what the joins answered.
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
local outcomes, seen = {}, {}
for i = 1, tonumber(word()) do
  local key = word()
  outcomes[i] = words()
  if seen[key] or redis.call('EXISTS', key) == 1 then return false end
  seen[key] = true
end
for _, command in ipairs(outcomes) do redis.call(unpack(command)) end
local answers = {}
for _, script in ipairs({join, mark_steps, publish}) do
  for i = 1, tonumber(word()) do
    local key = word()
    local answer = script({key}, words())
    if script == join then answers[#answers + 1] = answer end
  end
end
return answers
