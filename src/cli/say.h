// SPDX-License-Identifier: MIT
// what:     the catalogue of messages and the one place that prints.
// who:      src/cli; the main thread. Libraries return utrace::Error and never print.
// lifetime: templates are static; a Shown owns its text.
// cost:     one formatting and one write per message; nothing on the event path.
// see:      docs/man/utrace.1.scd, "MESSAGES".
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace utrace::cli {

/// Text that may reach a human: a number, a word of our own, or foreign bytes that were quoted.
class Shown {
  public:
    Shown() = default;
    template <std::integral Number>
    Shown(Number number) : text_(std::to_string(number)) {}
    const std::string& text() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }

  private:
    explicit Shown(std::string text) : text_(std::move(text)) {}
    friend Shown quote(std::string_view bytes);
    friend Shown known(std::string_view word);
    std::string text_;
};

/// Foreign bytes: control characters, bad UTF-8, quotes and backslashes become C escapes.
[[nodiscard]] Shown quote(std::string_view bytes);
/// A word of our own (a verb, an option, a table entry), shown as it is.
[[nodiscard]] Shown known(std::string_view word);
/// strerror text of `err`; empty for 0.
[[nodiscard]] Shown error_text(int err);
/// Numbers separated by commas and other text made only of what we know.
[[nodiscard]] Shown octal(unsigned number);

// The named fields of message templates.
// clang-format off: version 19 never agrees with itself on this list.
#define UTRACE_MESSAGE_FIELDS(X) \
    X(arg) X(near) X(verb) X(option) X(engine) X(key) X(list) X(pid) X(name) X(other) \
    X(other_name) X(value) X(path) X(error) X(expect) X(example) X(number) X(count) X(total) \
    X(user) X(command)
// clang-format on

struct Fields {
#define UTRACE_FIELD(field) Shown field{};
    UTRACE_MESSAGE_FIELDS(UTRACE_FIELD)
#undef UTRACE_FIELD
};

enum class Severity : unsigned char { kError, kWarning, kNote };

enum class Msg : unsigned short {
#define UTRACE_MESSAGE(msg, id, severity, what, why, act, see) msg,
#include "cli/messages.def"
#undef UTRACE_MESSAGE
    kCount_,
};

struct MessageDesc {
    Msg msg;
    const char* id;  ///< "UT-AREA-NN"; empty for plain notes
    Severity severity;
    const char* what;
    const char* why;
    const char* act;  ///< the command to type
    const char* see;
};

/// A message with its fields, and the exit status that goes with it: what the parsing and checking
/// functions of src/cli return instead of printing.
struct Complaint {
    Msg msg;
    Fields fields;
    int status;
};

const MessageDesc& message_desc(Msg msg) noexcept;

/// How messages are printed; set once by main.
struct SayStyle {
    bool quiet = false;  ///< errors only
    bool json = false;
    bool colour = false;
};
void set_say_style(SayStyle style) noexcept;

/// The message as text: at most four lines of at most 100 columns.
[[nodiscard]] std::string render(Msg msg, const Fields& fields);
/// The message as one line of JSON.
[[nodiscard]] std::string render_json(Msg msg, const Fields& fields);

/// Prints a message on stderr.
void say(Msg msg, const Fields& fields = {});
void say(const Complaint& complaint);
/// Prints ready-made text (help, doctor, tables) on stdout. False when stdout took not all of it.
[[nodiscard]] bool print_out(std::string_view text);
/// Prints ready-made text (a table of an engine, a status line) on stderr.
void print_err(std::string_view text);

/// Long text of a message id ("UT-RUN-01"), or null. The id is matched without regard to case.
const char* explanation(std::string_view id) noexcept;
/// The id as the catalogue writes it; empty when unknown.
const char* explanation_id_of(std::string_view id) noexcept;
/// Number of explained ids, and the id at `index`.
unsigned explanation_count() noexcept;
const char* explanation_id(unsigned index) noexcept;

}  // namespace utrace::cli
