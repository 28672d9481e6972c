/// @file
/// Numbers too small for their format's full precision.
#pragma once

namespace nn::detail {

/// While it lives, this thread's arithmetic takes subnormal numbers (in single precision what is
/// below 1.2e-38) for zero. Gradients, velocities and moments that fade away become such numbers
/// and stay so for long, and a processor may need a hundred cycles for each. Afterwards the
/// thread's arithmetic is as it was. On processors other than x86-64 it does nothing.
class FlushSubnormals {
 public:
#ifdef __SSE2__
  FlushSubnormals() : before_(__builtin_ia32_stmxcsr()) {
    if ((before_ & flush) != flush) __builtin_ia32_ldmxcsr(before_ | flush);
  }
  ~FlushSubnormals() {
    if ((before_ & flush) != flush) __builtin_ia32_ldmxcsr(before_);
  }
#else
  FlushSubnormals() {}   // NOLINT(modernize-use-equals-default): or else it would be unused
  ~FlushSubnormals() {}  // NOLINT(modernize-use-equals-default): likewise
#endif
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

#ifdef __SSE2__
 private:
  static constexpr unsigned flush = 0x8040;  // results (bit 15) and operands (bit 6)
  unsigned before_;
#endif
};

}  // namespace nn::detail
