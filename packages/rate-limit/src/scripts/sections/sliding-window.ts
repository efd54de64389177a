/**
 * Lua for one `sliding-window` policy: two windows, the earlier of which fades while time passes since its end.
 *
 *   used = current + floor(previous × (period − µs since the previous window ended) / period)
 *   ├── previous ──┤ gap ├── current ──┤       gap: nothing was admitted; the next admission opened `current`
 *
 * Section: age of the current window's start u48, current u32, previous u32, gap u48. The terms 1e-6 and 2e-6 keep
 * rounding on the strict side.
 */
export const slidingWindowSection = /* lua */ `
    local start, current, previous, gap, opened = now, 0, 0, 0, nil
    if raw then
      local high, low, wide, narrow
      high, low, current, previous, wide, narrow, pos = unpack('>HI4I4I4HI4', raw, pos)
      start, gap = last - high * 4294967296 - low, wide * 4294967296 + narrow
    end
    if refunds then
      for i = 1, #refunds, 2 do
        local amount, at = refunds[i], refunds[i + 1]
        if at >= start then
          current = current > amount and current - amount or 0
        elseif at >= start - gap - period then
          previous = previous > amount and previous - amount or 0
        end
      end
    end
    local kept = { start, current, previous, gap }
    local over = now - start - period
    if over >= period then start, current, previous, gap = now, 0, 0, 0
    elseif over >= 0 then start, current, previous, gap = now, 0, current, over end
    local left, untilEnd, faded = period - gap - (now - start), period - (now - start), 0
    if left > 0 then faded = floor(previous * left / period + 1e-6) end
    free = limit - current - faded
    reset = untilEnd + period + 1 - floor((1 - 2e-6) * period / (current + cost > 1 and current + cost or 1))
    if current > 0 then idle[n] = untilEnd + period + 1 - floor((1 - 2e-6) * period / current)
    elseif faded > 0 then idle[n] = left + 1 - floor((1 - 2e-6) * period / previous)
    else idle[n] = 0 end
    if asked > free and isChecked then
      status = 0
      if asked > limit then retry = 2 * period
      elseif current + asked <= limit then
        retry = left + 1 - floor((limit - asked - current + 1 - 2e-6) * period / previous)
      elseif current <= limit - asked then retry = untilEnd
      else retry = untilEnd + period + 1 - floor((limit - asked + 1 - 2e-6) * period / current) end
      if retry < 1 then retry = 1 end
    end
    -- Only an admission opens a window.
    if cost == 0 then start, current, previous, gap = kept[1], kept[2], kept[3], kept[4] end
    local age = now - start
    -- Settlements may charge far beyond the limit: what does not fit into 32 bits is not counted.
    current = current + cost
    if current > 4294967295 then current = 4294967295 end
    out = out .. pack('>HI4I4I4HI4', floor(age / 4294967296), age % 4294967296, current, previous,
      floor(gap / 4294967296), gap % 4294967296)
`;
