/*
 * tests/oracle/guest.S - a multiboot guest that turns long mode on, fills 16 MiB from 8 MiB on with
 * numbers, and halts: QEMU writes dumps of 64-bit machines only for a guest in long mode.
 */
	.code32
	.globl	_start
header:
	.long	0x1badb002, 0x10000, -(0x1badb002 + 0x10000)
	.long	header, header, 0, 0, _start

_start:
	cli
	mov	$8 << 20, %edi
	mov	$(16 << 20) / 4, %ecx
	mov	$12345, %eax
1:	imul	$1664525, %eax
	add	$1013904223, %eax
	stosl
	loop	1b
	/* one page table of each of three levels, 2 MiB pages from address 0 */
	movl	$0x201007, 0x200000
	movl	$0x202007, 0x201000
	mov	$0x87, %eax
	mov	$0x202000, %edi
2:	mov	%eax, (%edi)
	add	$8, %edi
	add	$2 << 20, %eax
	cmp	$32 << 20, %eax
	jb	2b
	mov	$0x20, %eax
	mov	%eax, %cr4
	mov	$0x200000, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	mov	$0x100, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x80000001, %eax
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$8, $long_mode

	.code64
long_mode:
	hlt
	jmp	long_mode

	.align	8
gdt:
	.quad	0, 0x00209a0000000000
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt
