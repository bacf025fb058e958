// SPDX-License-Identifier: MIT
#include "cli/say.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/sys.h"
#include "cli/quoting.h"

namespace utrace::cli {

namespace {

constexpr MessageDesc kMessages[] = {
#define UTRACE_MESSAGE(msg, id, severity, what, why, act, see) \
    {Msg::msg, id, Severity::severity, what, why, act, see},
#include "cli/messages.def"
#undef UTRACE_MESSAGE
};

constexpr const char* kFieldNames[] = {
#define UTRACE_FIELD(field) #field,
    UTRACE_MESSAGE_FIELDS(UTRACE_FIELD)
#undef UTRACE_FIELD
};
constexpr std::size_t kFieldCount = std::size(kFieldNames);

struct ExplanationDesc {
    const char* id;
    const char* text;
};
constexpr ExplanationDesc kExplanations[] = {
#define UTRACE_EXPLAIN(id, text) {id, text},
#include "cli/explanations.def"
#undef UTRACE_EXPLAIN
};

constexpr std::size_t field_index(std::string_view name) {
    for (std::size_t i = 0; i < kFieldCount; ++i)
        if (name == kFieldNames[i]) return i;
    return kFieldCount;
}

/// Every {name} is a field and every [[ has its ]].
constexpr bool template_is_valid(std::string_view text) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with("[[") && !text.substr(i + 1).starts_with("[[")) {
            if (++depth > 1) return false;
            ++i;
        } else if (depth == 1 && text.substr(i).starts_with("]]")) {
            --depth;
            ++i;
        } else if (text[i] == '{') {
            const auto end = text.find('}', i);
            if (end == text.npos) return false;
            if (field_index(text.substr(i + 1, end - i - 1)) == kFieldCount) return false;
            i = end;
        }
    }
    return depth == 0;
}

constexpr bool catalogue_is_valid() {
    for (const auto& message : kMessages)
        for (const char* part : {message.what, message.why, message.act, message.see})
            if (!template_is_valid(part)) return false;
    return true;
}
static_assert(catalogue_is_valid(), "messages.def names an unknown field or leaves [[ open");

using FieldTexts = std::array<std::string, kFieldCount>;

/// The system's error text says more than the end of a long path: it is cut last.
std::size_t limit_of(std::string_view field, std::size_t limit) {
    constexpr std::size_t kErrorColumns = 40, kLastResort = 14;
    return field == "error" && limit >= kLastResort ? std::max(limit, kErrorColumns) : limit;
}

FieldTexts texts_of(const Fields& fields, std::size_t limit) {
    FieldTexts texts;
    std::size_t index = 0;
#define UTRACE_FIELD(field) \
    texts[index++] = cut_columns(fields.field.text(), limit_of(#field, limit));
    UTRACE_MESSAGE_FIELDS(UTRACE_FIELD)
#undef UTRACE_FIELD
    return texts;
}

/// Fills a part without [[ ]]. `complete` becomes false when a field in it is empty.
std::string fill_plain(std::string_view part, const FieldTexts& texts, bool& complete) {
    std::string out;
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i] != '{') {
            out += part[i];
            continue;
        }
        const auto end = part.find('}', i);
        const std::string& value = texts[field_index(part.substr(i + 1, end - i - 1))];
        if (value.empty()) complete = false;
        out += value;
        i = end;
    }
    return out;
}

std::string fill(std::string_view part, const FieldTexts& texts) {
    std::string out;
    bool ignored = true;
    while (!part.empty()) {
        auto open = part.find("[[");
        // "[[[" is a literal bracket before an optional part.
        if (open != part.npos && part.substr(open + 2).starts_with('[')) ++open;
        out += fill_plain(part.substr(0, open), texts, ignored);
        if (open == part.npos) break;
        const auto close = part.find("]]", open);
        bool complete = true;
        const std::string optional =
            fill_plain(part.substr(open + 2, close - open - 2), texts, complete);
        if (complete) out += optional;
        part.remove_prefix(close + 2);
    }
    return out;
}

const char* prefix_of(Severity severity) {
    return severity == Severity::kWarning ? "utrace: warning: " : "utrace: ";
}

/// `make(texts)` with fields cut until the line fits; empty lines stay empty.
template <class Make>
std::string fitting_line(const Fields& fields, Make make) {
    std::string line;
    for (std::size_t limit : {90u, 72u, 60u, 48u, 40u, 32u, 24u, 18u, 14u, 10u, 8u}) {
        line = make(texts_of(fields, limit));
        if (columns_of(line) <= kMaxMessageColumns) break;
    }
    return line;
}

std::vector<std::string> fitting_lines(const MessageDesc& desc, const Fields& fields) {
    std::vector<std::string> lines;
    const auto add = [&](const char* before, const char* part, const std::string& after) {
        if (*part == 0) return;
        bool empty = false;
        std::string line = fitting_line(fields, [&](const FieldTexts& texts) {
            const std::string text = fill(part, texts);
            empty = text.empty();
            return before + text + after;
        });
        if (!empty) lines.push_back(std::move(line));
    };
    add(prefix_of(desc.severity), desc.what,
        *desc.id == 0 ? std::string() : fmt::format(" [{}]", desc.id));
    add("  ", desc.why, "");
    add("  → ", desc.act, "");
    add("  → see: ", desc.see, "");
    return lines;
}

SayStyle& style() noexcept {
    static constinit SayStyle current{};
    return current;
}

const char* severity_name(Severity severity) {
    switch (severity) {
        case Severity::kError:
            return "error";
        case Severity::kWarning:
            return "warning";
        case Severity::kNote:
            return "note";
    }
    return "error";
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_id(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

}  // namespace

Shown quote(std::string_view bytes) { return Shown(escape_foreign(bytes)); }
Shown known(std::string_view word) { return Shown(std::string(word)); }
Shown error_text(int err) {
    const char* text = err == 0 ? "" : ::strerrordesc_np(err);
    return text != nullptr ? known(text) : Shown(err);
}
Shown octal(unsigned number) { return known(fmt::format("{:04o}", number)); }

const MessageDesc& message_desc(Msg msg) noexcept {
    return kMessages[static_cast<std::size_t>(msg)];
}

void set_say_style(SayStyle wanted) noexcept { style() = wanted; }

std::string render(Msg msg, const Fields& fields) {
    std::string out;
    for (const auto& line : fitting_lines(message_desc(msg), fields)) out += line + '\n';
    return out;
}

std::string render_json(Msg msg, const Fields& fields) {
    const MessageDesc& desc = message_desc(msg);
    const FieldTexts texts = texts_of(fields, static_cast<std::size_t>(-1));
    const std::string act = fill(desc.act, texts);
    return fmt::format(
        "{{\"type\":\"message\",\"id\":{},\"severity\":{},\"what\":{},\"why\":{},\"do\":[{}]}}\n",
        json_string(desc.id), json_string(severity_name(desc.severity)),
        json_string(fill(desc.what, texts)), json_string(fill(desc.why, texts)),
        act.empty() ? std::string() : json_string(act));
}

void say(Msg msg, const Fields& fields) {
    const MessageDesc& desc = message_desc(msg);
    if (style().quiet && desc.severity != Severity::kError) return;
    if (style().json) return print_err(render_json(msg, fields));
    std::string text = render(msg, fields);
    if (style().colour) {
        const char* colour = desc.severity == Severity::kError     ? "\033[31m"
                             : desc.severity == Severity::kWarning ? "\033[33m"
                                                                   : "\033[36m";
        text = fmt::format("{}utrace:\033[0m{}", colour, text.substr(std::strlen("utrace:")));
    }
    print_err(text);
}

void say(const Complaint& complaint) { say(complaint.msg, complaint.fields); }

bool print_out(std::string_view text) { return sys::write_all(STDOUT_FILENO, text).has_value(); }

// Nowhere is left to report that stderr is gone.
void print_err(std::string_view text) { (void)sys::write_all(STDERR_FILENO, text); }

const char* explanation(std::string_view id) noexcept {
    for (const auto& entry : kExplanations)
        if (same_id(entry.id, id)) return entry.text;
    return nullptr;
}

const char* explanation_id_of(std::string_view id) noexcept {
    for (const auto& entry : kExplanations)
        if (same_id(entry.id, id)) return entry.id;
    return "";
}

unsigned explanation_count() noexcept { return std::size(kExplanations); }
const char* explanation_id(unsigned index) noexcept { return kExplanations[index].id; }

}  // namespace utrace::cli
