/*
 * tests/unit/test_undecorate.c - C++ names in their plain form.
 */
#include "sym/undecorate.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

static void becomes(const char *name, const char *want)
{
	char got[64] = "untouched";

	ok(nd_undecorate(name, got, sizeof(got)), "%s is decorated", name);
	is_str(got, want, "%s", want);
}

static void stays(const char *name)
{
	char got[64] = "untouched";

	ok(!nd_undecorate(name, got, sizeof(got)) && strcmp(got, "untouched") == 0, "'%s' stays",
	   name);
}

int main(void)
{
	char small[12];

	becomes("?name@scope@@YAXXZ", "scope::name");
	becomes("?alone@@YAHXZ", "alone");
	becomes("?Trigger@Inner@Outer@Company@@QEAAXXZ", "Company::Outer::Inner::Trigger");
	becomes("?m@C@1@@QEAAXXZ", "C::C::m");
	becomes("?Counter@@3HA", "Counter");
	becomes("?_x1@_Y2@@QEAAXXZ", "_Y2::_x1");
	stays("");
	stays("?");
	stays("??");
	stays("?@");
	stays("?@@");
	stays("?name");
	stays("?name@");
	stays("?name@@");
	stays("?name@scope@");
	stays("?name@scope");
	stays("NtClose");
	stays("_CmAddDeviceToContainer");
	stays("??0Class@@QEAA@XZ");
	stays("??_C@_0BA@ABCDEFGH@text@");
	stays("??$f@H@@YAXH@Z");
	stays("?f@?$C@H@@QEAAXXZ");
	stays("?f@?A0x12345678@@YAXXZ");
	stays("?0name@@YAXXZ");
	stays("?m@C@2@@QEAAXXZ");
	stays("?a b@@YAXXZ");
	stays("?a\x1b@@YAXXZ");
	stays("?a@b@c@d@e@f@g@h@i@j@k@l@m@n@o@p@q@@YAXXZ");
	stays("?a234567890123456789012345678901234567890@a234567890123456789012345678901@@YAX");
	ok(nd_undecorate("?name@scop@@Y", small, 11), "eleven bytes hold ten characters");
	ok(!nd_undecorate("?name@scope@@Y", small, 11), "and no more");
	return done_testing();
}
