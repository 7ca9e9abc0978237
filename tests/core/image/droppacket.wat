(module
  (import "ebpf" "memory" (memory 1 65536 shared))
  (import "ebpf" "stackTop" (global $stackTop i32))
  (import "ebpf" "result" (global $result i32))
  (import "ebpf" "lane" (global $lane i32))
  (import "ebpf" "map0" (global $map0 i32))
  (import "ebpf" "map_lookup_elem" (func $map_lookup_elem (param i32 i32) (result i32)))
  (func $test (type 1)
    block
      i64.const 1
      local.set $r0
      local.get $r1
      i32.wrap_i64
      i64.load offset=8
      local.set $r2
      local.get $r1
      i32.wrap_i64
      i64.load
      local.set $r1
      local.get $r1
      local.set $r3
      local.get $r3
      i64.const 42
      i64.add
      local.set $r3
      local.get $r3
      local.get $r2
      i64.gt_u
      br_if 0
      local.get $r1
      i32.wrap_i64
      i64.load16_u offset=12
      local.set $r3
      local.get $r3
      i64.const 8
      i64.ne
      br_if 0
      local.get $r1
      i32.wrap_i64
      i64.load8_u offset=23
      local.set $r3
      local.get $r3
      i64.const 17
      i64.ne
      br_if 0
      local.get $r1
      i32.wrap_i64
      i64.load8_u offset=14
      local.set $r3
      local.get $r3
      i64.const 2
      i64.shl
      local.set $r3
      local.get $r3
      i64.const 60
      i64.and
      local.set $r3
      local.get $r1
      local.get $r3
      i64.add
      local.set $r1
      local.get $r1
      i64.const 14
      i64.add
      local.set $r1
      local.get $r1
      local.set $r3
      local.get $r3
      i64.const 8
      i64.add
      local.set $r3
      local.get $r3
      local.get $r2
      i64.gt_u
      br_if 0
      local.get $r1
      i32.wrap_i64
      i64.load16_u offset=4
      local.set $r1
      local.get $r1
      i32.wrap_i64
      local.tee $narrow
      i32.const 8
      i32.rotl
      i32.const 16711935
      i32.and
      local.get $narrow
      i32.const 8
      i32.rotr
      i32.const -16711936
      i32.and
      i32.or
      i32.const 16
      i32.shr_u
      i64.extend_i32_u
      local.set $r1
      local.get $r1
      i64.const 8
      i64.gt_u
      br_if 0
      i64.const 0
      local.set $r1
      local.get $r10
      i32.wrap_i64
      i32.const -4
      i32.add
      local.get $r1
      i64.store32
      local.get $r10
      local.set $r2
      local.get $r2
      i64.const -4
      i64.add
      local.set $r2
      i64.const 1
      local.set $r1
      local.get $r2
      i32.wrap_i64
      i32.load
      local.tee $narrow
      i32.const 8
      i32.mul
      global.get $map0
      i32.add
      i32.const 0
      local.get $narrow
      i32.const 1
      i32.lt_u
      select
      i64.extend_i32_u
      local.set $r0
      local.get $r0
      local.set $r1
      i64.const 2
      local.set $r0
      local.get $r1
      i64.const 0
      i64.eq
      br_if 0
      i64.const 1
      local.set $r2
      local.get $r1
      i32.wrap_i64
      local.get $r2
      i64.atomic.rmw.add
      drop
      br 0
    end
    local.get $r0
    return
    unreachable
  )
  (func $run (type 2)
    global.get $result
    local.get 0
    i64.extend_i32_u
    i64.const 0
    i64.const 0
    i64.const 0
    i64.const 0
    global.get $stackTop
    i64.extend_i32_u
    call $test
    local.tee 1
    i64.store
    local.get 1
    i32.wrap_i64
  )
  (export "run" (func $run))
)
