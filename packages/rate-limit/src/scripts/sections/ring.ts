/**
 * Lua for one `ring` policy: `limit` admissions in any rolling `period`, counted in buckets of `extra` µs.
 *
 * Section: size u8 (entries of the tail; + 128 when counts are wide), total, cur, then the tail, oldest first:
 * (tick mod 256 u8, count). Counts are u16, or u32 when wide. `cur` counts the bucket of the frame's time. A bucket is
 * dropped when its LAST admission is more than `span` ticks old, and a span is at least the period: so whatever lies
 * within the period is counted. A tick is 1/120 of the period, finer than a bucket: little is counted for too long.
 */
export const ringSection = /* lua */ `
    local tick = floor((period + 119) / 120)
    local index, before, span = floor(now / tick), floor(last / tick), floor((period + tick - 1) / tick)
    local total, cur, tail, width, entry = 0, 0, '', 3, '>BI2'
    if raw then
      local size = byte(raw, pos)
      if size < 128 then
        total, cur, pos = unpack('>I2I2', raw, pos + 1)
      else
        total, cur, pos = unpack('>I4I4', raw, pos + 1)
        size, width, entry = size - 128, 5, '>BI4'
      end
      if size > 0 then
        tail = sub(raw, pos, pos + size * width - 1)
        pos = pos + size * width
        if shift > 0 then
          local moved, by = '', floor((last + shift) / tick) - before
          for front = 1, #tail, width do
            local b, c = unpack(entry, tail, front)
            moved = moved .. pack(entry, (b - by) % 256, c)
          end
          tail = moved
        end
      end
      if cur > 0 and floor(last / extra) ~= floor(now / extra) then
        tail = tail .. pack(entry, before % 256, cur)
        cur = 0
      end
      if index - before > span then
        total, tail = cur, ''
      elseif tail ~= '' then
        local front, stop = 1, #tail
        while front < stop do
          local b, c = unpack(entry, tail, front)
          if (index - b) % 256 <= span then break end
          total = total - c
          front = front + width
        end
        if front > 1 then tail = sub(tail, front) end
      end
    end
    if refunds then
      for i = 1, #refunds, 2 do
        local amount, at = refunds[i], refunds[i + 1]
        local age = index - floor(at / tick)
        if floor(at / extra) == floor(now / extra) then
          if amount > cur then amount = cur end
          cur, total = cur - amount, total - amount
        elseif age <= span then
          for front = 1, #tail, width do
            local b, c = unpack(entry, tail, front)
            if (index - b) % 256 <= age then
              if amount > c then amount = c end
              total = total - amount
              tail = sub(tail, 1, front - 1) .. pack(entry, b, c - amount) .. sub(tail, front + width)
              break
            end
          end
        end
      end
    end
    free = limit - total
    reset = (index + span + 1) * tick - now
    if total == 0 then idle[n] = 0
    elseif cur > 0 then idle[n] = (before + span + 1) * tick - now
    else idle[n] = (index - (index - byte(tail, #tail - width + 1)) % 256 + span + 1) * tick - now end
    if asked > free and isChecked then
      status = 0
      retry = period
      if asked <= limit then
        local need, front, stop = asked - free, 1, #tail
        while need > 0 and front < stop do
          local b, c = unpack(entry, tail, front)
          need = need - c
          retry = (index - (index - b) % 256 + span + 1) * tick - now
          front = front + width
        end
        if need > 0 then retry = (before + span + 1) * tick - now end
      end
    end
    -- Settlements may charge far beyond the limit: what does not fit into 32 bits is not counted.
    local fits = 4294967295 - total
    if cost < fits then fits = cost end
    total, cur = total + fits, cur + fits
    if width == 3 and total > 65535 then
      local wide = ''
      for front = 1, #tail, 3 do wide = wide .. pack('>BI4', unpack('>BI2', tail, front)) end
      tail, width = wide, 5
    end
    if width == 3 then out = out .. pack('>BI2I2', #tail / 3, total, cur) .. tail
    else out = out .. pack('>BI4I4', 128 + #tail / 5, total, cur) .. tail end
`;
