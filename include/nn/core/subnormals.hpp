/// @file
/// Numbers too small for their format's full precision.
#pragma once

#include <cstdint>

namespace nn::detail {

#if defined(__SSE2__) && !defined(__EMSCRIPTEN__)

/// How this thread's arithmetic was before the outermost FlushSubnormals that lives in it changed
/// it; 0, which no thread's is, where none did.
inline constinit thread_local unsigned callers_arithmetic = 0;

/// The register that says how this thread computes.
struct ArithmeticRegister {
  static constexpr unsigned flush = 0x8040;  // results (bit 15) and operands (bit 6)
  [[nodiscard]] static unsigned read() { return __builtin_ia32_stmxcsr(); }
  static void write(unsigned value) { __builtin_ia32_ldmxcsr(value); }
};

#elif defined(__aarch64__)

inline constinit thread_local std::uint64_t callers_arithmetic = 0;

struct ArithmeticRegister {
  static constexpr std::uint64_t flush = std::uint64_t{1} << 24U;  // results and operands
  [[nodiscard]] static std::uint64_t read() {
    std::uint64_t value = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value | known;
  }
  static void write(std::uint64_t value) {
    value &= ~known;
    __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory");
  }

 private:
  /// Unused by the register: makes what was read different from 0.
  static constexpr std::uint64_t known = std::uint64_t{1} << 63U;
};

#endif

#if (defined(__SSE2__) && !defined(__EMSCRIPTEN__)) || defined(__aarch64__)

/// While it lives, this thread's arithmetic takes subnormal numbers (in single precision what is
/// below 1.2e-38) for zero. Gradients, velocities and moments that fade away become such numbers
/// and stay so for long, and a processor may need a hundred cycles for each. Afterwards the
/// thread's arithmetic is as it was. On processors other than x86-64 and 64-bit ARM it does
/// nothing.
class FlushSubnormals {
 public:
  FlushSubnormals() : before_(ArithmeticRegister::read()), outer_(callers_arithmetic) {
    if ((before_ & flush) == flush) return;
    if (outer_ == 0) callers_arithmetic = before_;
    ArithmeticRegister::write(before_ | flush);
  }
  ~FlushSubnormals() {
    if ((before_ & flush) == flush) return;
    callers_arithmetic = outer_;
    ArithmeticRegister::write(before_);
  }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  using Bits = decltype(ArithmeticRegister::read());
  static constexpr Bits flush = ArithmeticRegister::flush;
  Bits before_;
  Bits outer_;
};

/// While it lives, this thread's arithmetic is its caller's again, whatever FlushSubnormals there
/// are: for what starts threads, as they inherit it and keep it, and for calls of functions that
/// are not the library's.
class CallersArithmetic {
 public:
  CallersArithmetic() : callers_(callers_arithmetic) {
    if (callers_ == 0) return;
    before_ = ArithmeticRegister::read();
    callers_arithmetic = 0;
    ArithmeticRegister::write(callers_);
  }
  ~CallersArithmetic() {
    if (callers_ == 0) return;
    callers_arithmetic = callers_;
    ArithmeticRegister::write(before_);
  }
  CallersArithmetic(const CallersArithmetic&) = delete;
  CallersArithmetic& operator=(const CallersArithmetic&) = delete;

 private:
  using Bits = decltype(ArithmeticRegister::read());
  Bits callers_;
  Bits before_ = 0;
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
