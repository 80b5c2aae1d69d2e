/*
 * engine/code/operand.h - how an operand is spelled. Private to engine/code.
 */
#ifndef ND_CODE_OPERAND_H
#define ND_CODE_OPERAND_H

#include <capstone/capstone.h>

#include "code/insn.h"

/*
 * Spell the i-th operand of an instruction that has been decoded with detail. `target`: it is what
 * a branch or call leads to.
 */
void nd_operand_spell(csh handle, const cs_insn *insn, unsigned i, bool target,
		      struct nd_operand *ret);

#endif
