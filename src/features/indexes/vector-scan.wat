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
    (local $r1 i32) (local $r2 i32) (local $r3 i32)
    (local $low v128) (local $high v128) (local $bytes v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)

    ;; Four rows together share what is read of the query.
    (block $fewer
      (loop $four
        (br_if $fewer (i32.lt_u (local.get $count) (i32.const 4)))
        (local.set $r1 (i32.add (local.get $rows) (local.get $stride)))
        (local.set $r2 (i32.add (local.get $r1) (local.get $stride)))
        (local.set $r3 (i32.add (local.get $r2) (local.get $stride)))
        (local.set $s0 (v128.const i32x4 0 0 0 0))
        (local.set $s1 (v128.const i32x4 0 0 0 0))
        (local.set $s2 (v128.const i32x4 0 0 0 0))
        (local.set $s3 (v128.const i32x4 0 0 0 0))
        (local.set $at (i32.const 0))
        (local.set $q (local.get $query))
        (loop $dimensions
          (local.set $low (v128.load (local.get $q)))
          (local.set $high (v128.load offset=16 (local.get $q)))

          (local.set $bytes (v128.load (i32.add (local.get $rows) (local.get $at))))
          (local.set $s0 (i32x4.add (local.get $s0) (i32x4.add
            (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
            (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))

          (local.set $bytes (v128.load (i32.add (local.get $r1) (local.get $at))))
          (local.set $s1 (i32x4.add (local.get $s1) (i32x4.add
            (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
            (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))

          (local.set $bytes (v128.load (i32.add (local.get $r2) (local.get $at))))
          (local.set $s2 (i32x4.add (local.get $s2) (i32x4.add
            (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
            (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))

          (local.set $bytes (v128.load (i32.add (local.get $r3) (local.get $at))))
          (local.set $s3 (i32x4.add (local.get $s3) (i32x4.add
            (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes)) (local.get $low))
            (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes)) (local.get $high)))))

          (local.set $q (i32.add (local.get $q) (i32.const 32)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $dimensions (i32.lt_u (local.get $at) (local.get $stride))))

        (i32.store (local.get $out) (call $sum (local.get $s0)))
        (i32.store offset=4 (local.get $out) (call $sum (local.get $s1)))
        (i32.store offset=8 (local.get $out) (call $sum (local.get $s2)))
        (i32.store offset=12 (local.get $out) (call $sum (local.get $s3)))
        (local.set $out (i32.add (local.get $out) (i32.const 16)))
        (local.set $rows (i32.add (local.get $r3) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 4)))
        (br $four)))

    ;; What is left, one by one.
    (block $done
      (loop $one
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $s0 (v128.const i32x4 0 0 0 0))
        (local.set $at (i32.const 0))
        (local.set $q (local.get $query))
        (loop $dimensions
          (local.set $bytes (v128.load (i32.add (local.get $rows) (local.get $at))))
          (local.set $s0 (i32x4.add (local.get $s0) (i32x4.add
            (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $bytes))
              (v128.load (local.get $q)))
            (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $bytes))
              (v128.load offset=16 (local.get $q))))))
          (local.set $q (i32.add (local.get $q) (i32.const 32)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $dimensions (i32.lt_u (local.get $at) (local.get $stride))))
        (i32.store (local.get $out) (call $sum (local.get $s0)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (local.set $rows (i32.add (local.get $rows) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $one))))

  (func $sum (param $lanes v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $lanes)) (i32x4.extract_lane 1 (local.get $lanes)))
      (i32.add (i32x4.extract_lane 2 (local.get $lanes)) (i32x4.extract_lane 3 (local.get $lanes))))))
