;; Dot products of one query with many rows of signed bytes, 16 at a time.
;; src/features/indexes/vector-scan.ts is made of this by `npm run wasm`; a test compares the two.
(module
  (import "locket" "memory" (memory 1))

  ;; query: 16-bit numbers, already widened, of `stride` of them
  ;; rows:  `count` rows of `stride` bytes, one after the other; `stride` is a multiple of 16
  ;; out:   `count` 32-bit sums
  (func (export "scan")
    (param $query i32) (param $rows i32) (param $count i32) (param $stride i32) (param $out i32)
    (local $at i32) (local $q i32)
    (local $row1 i32) (local $row2 i32)
    (local $low v128) (local $high v128) (local $sum0 v128) (local $sum1 v128) (local $sum2 v128)

    ;; Three rows together share what is read of the query: as fast as six, and faster than four. Eight
    ;; bytes are widened as they are loaded.
    (block $fewer
      (loop $three
        (br_if $fewer (i32.lt_u (local.get $count) (i32.const 3)))
        (local.set $row1 (i32.add (local.get $rows) (local.get $stride)))
        (local.set $row2 (i32.add (local.get $row1) (local.get $stride)))
        (local.set $sum0 (v128.const i32x4 0 0 0 0))
        (local.set $sum1 (v128.const i32x4 0 0 0 0))
        (local.set $sum2 (v128.const i32x4 0 0 0 0))
        (local.set $at (i32.const 0))
        (local.set $q (local.get $query))
        (loop $dimensions
          (local.set $low (v128.load (local.get $q)))
          (local.set $high (v128.load offset=16 (local.get $q)))

          (local.set $sum0 (i32x4.add (local.get $sum0) (i32x4.dot_i16x8_s
            (v128.load8x8_s (i32.add (local.get $rows) (local.get $at)))
            (local.get $low))))
          (local.set $sum0 (i32x4.add (local.get $sum0) (i32x4.dot_i16x8_s
            (v128.load8x8_s offset=8 (i32.add (local.get $rows) (local.get $at)))
            (local.get $high))))

          (local.set $sum1 (i32x4.add (local.get $sum1) (i32x4.dot_i16x8_s
            (v128.load8x8_s (i32.add (local.get $row1) (local.get $at)))
            (local.get $low))))
          (local.set $sum1 (i32x4.add (local.get $sum1) (i32x4.dot_i16x8_s
            (v128.load8x8_s offset=8 (i32.add (local.get $row1) (local.get $at)))
            (local.get $high))))

          (local.set $sum2 (i32x4.add (local.get $sum2) (i32x4.dot_i16x8_s
            (v128.load8x8_s (i32.add (local.get $row2) (local.get $at)))
            (local.get $low))))
          (local.set $sum2 (i32x4.add (local.get $sum2) (i32x4.dot_i16x8_s
            (v128.load8x8_s offset=8 (i32.add (local.get $row2) (local.get $at)))
            (local.get $high))))

          (local.set $q (i32.add (local.get $q) (i32.const 32)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $dimensions (i32.lt_u (local.get $at) (local.get $stride))))

        (i32.store (local.get $out) (call $sum (local.get $sum0)))
        (i32.store offset=4 (local.get $out) (call $sum (local.get $sum1)))
        (i32.store offset=8 (local.get $out) (call $sum (local.get $sum2)))
        (local.set $out (i32.add (local.get $out) (i32.const 12)))
        (local.set $rows (i32.add (local.get $row2) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 3)))
        (br $three)))

    ;; What is left, one by one.
    (block $done
      (loop $one
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $sum0 (v128.const i32x4 0 0 0 0))
        (local.set $at (i32.const 0))
        (local.set $q (local.get $query))
        (loop $dimensions
          (local.set $low (v128.load (local.get $q)))
          (local.set $high (v128.load offset=16 (local.get $q)))
          (local.set $sum0 (i32x4.add (local.get $sum0) (i32x4.dot_i16x8_s
            (v128.load8x8_s (i32.add (local.get $rows) (local.get $at)))
            (local.get $low))))
          (local.set $sum0 (i32x4.add (local.get $sum0) (i32x4.dot_i16x8_s
            (v128.load8x8_s offset=8 (i32.add (local.get $rows) (local.get $at)))
            (local.get $high))))
          (local.set $q (i32.add (local.get $q) (i32.const 32)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $dimensions (i32.lt_u (local.get $at) (local.get $stride))))
        (i32.store (local.get $out) (call $sum (local.get $sum0)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $rows (i32.add (local.get $rows) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $one))))

  (func $sum (param $lanes v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $lanes)) (i32x4.extract_lane 1 (local.get $lanes)))
      (i32.add (i32x4.extract_lane 2 (local.get $lanes)) (i32x4.extract_lane 3 (local.get $lanes))))))
