// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "cli/help.h"
#include "cli/quoting.h"
#include "cli/say.h"

namespace utrace::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

/// Each field filled with `value`.
Fields all_fields(const Shown& value) {
    Fields fields;
#define UTRACE_FIELD(field) fields.field = value;
    UTRACE_MESSAGE_FIELDS(UTRACE_FIELD)
#undef UTRACE_FIELD
    return fields;
}

template <class Visit>
void for_each_message(Visit visit) {
    for (unsigned i = 0; i < static_cast<unsigned>(Msg::kCount_); ++i)
        visit(static_cast<Msg>(i), message_desc(static_cast<Msg>(i)));
}

TEST(Messages, FourLinesOfHundredColumnsWhateverTheFields) {
    const Fields hostile = all_fields(quote(std::string(500, 'x') + "\n\x1b[2J\xff"));
    for_each_message([&](Msg msg, const MessageDesc& desc) {
        const auto lines = lines_of(render(msg, hostile));
        EXPECT_LE(lines.size(), 4u) << desc.what;
        for (const auto& line : lines) {
            EXPECT_LE(columns_of(line), kMaxMessageColumns) << line;
            for (const char c : line) EXPECT_NE(c, '\x1b') << desc.what;
        }
    });
}

TEST(Messages, FirstLineNamesTheId) {
    const Fields fields = all_fields(known("v"));
    for_each_message([&](Msg msg, const MessageDesc& desc) {
        const std::string first = lines_of(render(msg, fields))[0];
        EXPECT_EQ(first.rfind("utrace: ", 0), 0u);
        if (*desc.id != 0) {
            EXPECT_NE(first.find(std::string(" [") + desc.id + "]"), std::string::npos);
        }
    });
}

TEST(Messages, EveryIdIsExplainedAndEveryExplanationHasAMessage) {
    std::set<std::string> ids;
    for_each_message([&](Msg, const MessageDesc& desc) {
        if (*desc.id == 0) return;
        ids.insert(desc.id);
        EXPECT_NE(explanation(desc.id), nullptr) << desc.id;
    });
    for (unsigned i = 0; i < explanation_count(); ++i) {
        EXPECT_TRUE(ids.contains(explanation_id(i))) << explanation_id(i);
        EXPECT_LE(columns_of(explanation_id(i)), 12u);
        for (const auto& line : lines_of(explanation(explanation_id(i))))
            EXPECT_LE(columns_of(line), kMaxMessageColumns) << line;
    }
    EXPECT_STREQ(explanation("ut-run-01"), explanation("UT-RUN-01"));
    EXPECT_EQ(explanation("UT-RUN-1"), nullptr);
}

TEST(Messages, ErrorsSayWhereToReadOn) {
    for_each_message([&](Msg, const MessageDesc& desc) {
        if (desc.severity != Severity::kError || desc.msg == Msg::kUsageVerb) return;
        EXPECT_NE(*desc.see, 0) << desc.what;
    });
}

TEST(Messages, OptionalPartsNeedTheirFields) {
    const std::string without =
        render(Msg::kUsageOption, {.arg = known("--x"), .verb = known("run")});
    EXPECT_EQ(without.find("did you mean"), std::string::npos);
    const std::string with = render(
        Msg::kUsageOption, {.arg = known("--x"), .near = known("--y"), .verb = known("run")});
    EXPECT_NE(with.find("; did you mean '--y'?"), std::string::npos);
}

TEST(Messages, JsonHasTheSameParts) {
    const std::string json =
        render_json(Msg::kRunNotFound, {.arg = quote("a\"b\\c\n"), .list = quote("/bin")});
    EXPECT_EQ(json,
              "{\"type\":\"message\",\"id\":\"UT-RUN-01\",\"severity\":\"error\","
              "\"what\":\"cannot run a\\\"b\\\\\\\\c\\\\n: command not found\","
              "\"why\":\"looked in PATH: /bin\",\"do\":[]}\n");
}

TEST(Quoting, ForeignBytesCannotMoveACursorOrForgeALine) {
    EXPECT_EQ(quote("a\nb\tc\x1b[0m").text(), "a\\nb\\tc\\x1b[0m");
    EXPECT_EQ(quote("\xff\xc3\xa4").text(), "\\xffä");
    EXPECT_EQ(quote("\xc2\x9b").text(), "\\xc2\\x9b");  // C1 control, a CSI to some terminals
    EXPECT_EQ(quote("\xe0\x80\x80").text(), "\\xe0\\x80\\x80");  // overlong
    EXPECT_EQ(quote("\xed\xa0\x80").text(), "\\xed\\xa0\\x80");  // surrogate
    EXPECT_EQ(quote("it's").text(), "it\\'s");
    EXPECT_EQ(quote(std::string_view("\0", 1)).text(), "\\x00");
}

TEST(Quoting, CutsAtColumnsNotBytes) {
    EXPECT_EQ(cut_columns("äöü", 3), "äöü");
    EXPECT_EQ(cut_columns("äöüß", 3), "äö…");
    EXPECT_EQ(columns_of("→ä"), 2u);
}

TEST(Help, FitsATerminalAndNamesEachOption) {
    for (const auto& verb : verbs()) {
        if (verb.verb == Verb::kLater) continue;
        const std::string text = verb_text(verb);
        for (const auto& line : lines_of(text)) EXPECT_LE(columns_of(line), 100u) << line;
        for (const auto& desc : options()) {
            if (desc.name == nullptr) continue;
            const bool listed = text.find("--" + std::string(desc.name)) != std::string::npos;
            const bool wanted = desc.opt != Opt::kLater && (desc.verbs & verb_bit(verb.verb)) != 0;
            if (wanted) {
                EXPECT_TRUE(listed) << verb.name << " " << desc.name;
            }
        }
    }
    EXPECT_EQ(version_text().rfind("utrace ", 0), 0u);
}

/// Text of a manual page's source.
std::string manual(const std::string& name) {
    std::ifstream in(std::string(UTRACE_MAN_DIR) + "/" + name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(Manual, NamesEachOptionVerbAndKey) {
    const std::string page = manual("utrace.1.scd");
    ASSERT_FALSE(page.empty());
    for (const auto& desc : options()) {
        if (desc.opt == Opt::kLater) continue;
        const std::string name =
            desc.letter != 0 ? std::string("*-") + desc.letter : std::string("*--") + desc.name;
        EXPECT_NE(page.find(name), std::string::npos) << name;
    }
    for (const auto& verb : verbs()) {
        if (verb.verb == Verb::kLater) continue;
        EXPECT_NE(page.find(std::string("*") + verb.name + "*"), std::string::npos) << verb.name;
    }
    for (const auto& key : keys()) {
        if (key.key == Key::kLater) continue;
        EXPECT_NE(page.find(std::string("*") + key.name + "*"), std::string::npos) << key.name;
    }
}

TEST(Manual, SectionsThatMessagesNameExist) {
    for_each_message([&](Msg, const MessageDesc& desc) {
        if (*desc.see == 0) return;
        const std::string see = desc.see;  // page(1), "SECTION"
        const auto bracket = see.find('(');
        const auto quoted = see.find('"');
        ASSERT_NE(bracket, std::string::npos) << see;
        ASSERT_NE(quoted, std::string::npos) << see;
        const std::string page = manual(see.substr(0, bracket) + ".1.scd");
        const std::string section = see.substr(quoted + 1, see.size() - quoted - 2);
        EXPECT_NE(page.find("\n# " + section + "\n"), std::string::npos) << see;
    });
}

}  // namespace
}  // namespace utrace::cli
