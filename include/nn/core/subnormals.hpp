/// @file
/// Numbers too small for their format's full precision.
#pragma once

namespace nn::detail {

#if defined(__SSE2__) && !defined(__EMSCRIPTEN__)

/// How this thread's arithmetic was before the outermost FlushSubnormals that lives in it changed
/// it; 0, which no thread's is, where none did.
inline constinit thread_local unsigned callers_arithmetic = 0;

/// While it lives, this thread's arithmetic takes subnormal numbers (in single precision what is
/// below 1.2e-38) for zero. Gradients, velocities and moments that fade away become such numbers
/// and stay so for long, and a processor may need a hundred cycles for each. Afterwards the
/// thread's arithmetic is as it was. On processors other than x86-64 it does nothing.
class FlushSubnormals {
 public:
  FlushSubnormals() : before_(__builtin_ia32_stmxcsr()), outer_(callers_arithmetic) {
    if ((before_ & flush) == flush) return;
    if (outer_ == 0) callers_arithmetic = before_;
    __builtin_ia32_ldmxcsr(before_ | flush);
  }
  ~FlushSubnormals() {
    if ((before_ & flush) == flush) return;
    callers_arithmetic = outer_;
    __builtin_ia32_ldmxcsr(before_);
  }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  static constexpr unsigned flush = 0x8040;  // results (bit 15) and operands (bit 6)
  unsigned before_;
  unsigned outer_;
};

/// While it lives, this thread's arithmetic is its caller's again, whatever FlushSubnormals there
/// are: for what starts threads, as they inherit it and keep it, and for calls of functions that
/// are not the library's.
class CallersArithmetic {
 public:
  CallersArithmetic() : callers_(callers_arithmetic) {
    if (callers_ == 0) return;
    before_ = __builtin_ia32_stmxcsr();
    callers_arithmetic = 0;
    __builtin_ia32_ldmxcsr(callers_);
  }
  ~CallersArithmetic() {
    if (callers_ == 0) return;
    callers_arithmetic = callers_;
    __builtin_ia32_ldmxcsr(before_);
  }
  CallersArithmetic(const CallersArithmetic&) = delete;
  CallersArithmetic& operator=(const CallersArithmetic&) = delete;

 private:
  unsigned callers_;
  unsigned before_ = 0;
};

#else

struct FlushSubnormals {
  FlushSubnormals() {}   // NOLINT(modernize-use-equals-default): or else it would be unused
  ~FlushSubnormals() {}  // NOLINT(modernize-use-equals-default): likewise
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;
};
using CallersArithmetic = FlushSubnormals;

#endif

}  // namespace nn::detail
