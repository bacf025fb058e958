// SPDX-License-Identifier: MIT
#include "decode/quote.h"

#include <gtest/gtest.h>

namespace utrace::decode {
namespace {

std::string text(std::string_view bytes, QuoteStyle style = {}) {
    std::string out;
    quote(TaintedBytes(bytes), style, out);
    return out;
}

using namespace std::string_view_literals;

TEST(Quote, EscapesAsC) { EXPECT_EQ(text("a\t\n\v\f\r\"\\z"), R"("a\t\n\v\f\r\"\\z")"); }

TEST(Quote, OctalIsShortUnlessAnOctalDigitFollows) {
    EXPECT_EQ(text("\0019\0018\0017\0a\0337\200"sv), "\"\\19\\18\\0017\\0a\\0337\\200\"");
    EXPECT_EQ(text("\0"sv), "\"\\0\"");
}

TEST(Quote, HexForNonText) {
    EXPECT_EQ(text("ab\n", {.hex = HexMode::kNonText}), R"("ab\n")");
    EXPECT_EQ(text("a\001", {.hex = HexMode::kNonText}), R"("\x61\x01")");
    EXPECT_EQ(text("ab", {.hex = HexMode::kAll}), R"("\x61\x62")");
}

TEST(Quote, AnglesInsidePaths) {
    EXPECT_EQ(text("a<b>", {.marks = false, .escape_angle = true}), R"(a\74b\76)");
}

TEST(Quote, NoControlByteLeaves) {
    std::string all;
    for (int c = 0; c < 256; ++c) {
        all += static_cast<char>(c);
    }
    for (const HexMode hex : {HexMode::kNone, HexMode::kNonText, HexMode::kAll}) {
        for (const char c : text(all, {.hex = hex})) {
            const auto u = static_cast<unsigned char>(c);
            EXPECT_TRUE(u >= 0x20 && u <= 0x7e) << int{u};
        }
    }
    for (const char c : quote(TaintedBytes(all))) {
        const auto u = static_cast<unsigned char>(c);
        EXPECT_TRUE(u >= 0x20 && u <= 0x7e) << int{u};
    }
}

TEST(QuoteMessage, KeepsUtf8AndRefusesTricks) {
    EXPECT_EQ(quote(TaintedBytes("gr\xc3\xbc\xc3\x9f"sv)), "'gr\xc3\xbc\xc3\x9f'");
    EXPECT_EQ(quote(TaintedBytes("it's\x1b[2J"sv)), R"('it\'s\x1b[2J')");
    EXPECT_EQ(quote(TaintedBytes("\xc2\x9b"sv)), R"('\xc2\x9b')") << "C1 control";
    EXPECT_EQ(quote(TaintedBytes("\xe2\x80\xae"sv)), R"('\xe2\x80\xae')") << "text direction";
    EXPECT_EQ(quote(TaintedBytes("\xc0\x80\xff"sv)), R"('\xc0\x80\xff')") << "not UTF-8";
}

}  // namespace
}  // namespace utrace::decode
