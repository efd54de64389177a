/**
 * Lua for one `sliding-log` policy: every admission is remembered with its time for `period` µs. Exact, and as large as
 * the limit.
 *
 * Section: number of entries u32, total u32, then the entries, oldest first: (server time f64, cost u32).
 */
export const slidingLogSection = /* lua */ `
    local total, log, newest = 0, '', nil
    if raw then
      local size
      size, total, pos = unpack('>I4I4', raw, pos)
      log = sub(raw, pos, pos + size * 12 - 1)
      pos = pos + size * 12
      if shift > 0 then
        local moved = {}
        for front = 1, #log, 12 do
          local at, c = unpack('>dI4', log, front)
          moved[#moved + 1] = pack('>dI4', at - shift, c)
        end
        log = table.concat(moved)
      end
      local front = 1
      while front < #log do
        local at, c = unpack('>dI4', log, front)
        if now - at < period then break end
        total = total - c
        front = front + 12
      end
      if front > 1 then log = sub(log, front) end
    end
    if refunds then
      for i = 1, #refunds, 2 do
        local amount = refunds[i]
        for front = 1, #log, 12 do
          local at, c = unpack('>dI4', log, front)
          if at == refunds[i + 1] and amount > 0 then
            local part = amount < c and amount or c
            amount, total = amount - part, total - part
            log = sub(log, 1, front - 1) .. pack('>dI4', at, c - part) .. sub(log, front + 12)
          end
        end
      end
    end
    if log ~= '' then newest = unpack('>d', log, #log - 11) end
    free = limit - total
    reset = (cost > 0 and now or newest or now) + period - now
    idle[n] = total > 0 and newest + period - now or 0
    if asked > free and isChecked then
      status = 0
      retry = period
      if asked <= limit then
        local need, front = asked - free, 1
        while need > 0 do
          local at, c = unpack('>dI4', log, front)
          need, retry, front = need - c, at + period - now, front + 12
        end
      end
    end
    -- Settlements may charge far beyond the limit: what does not fit into 32 bits is not counted.
    local fits = 4294967295 - total
    if cost < fits then fits = cost end
    if fits > 0 then log = log .. pack('>dI4', now, fits) end
    out = out .. pack('>I4I4', #log / 12, total + fits) .. log
`;
