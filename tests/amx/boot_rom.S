/* boot_rom.S: what the emulated processor runs first, in the place of a BIOS: from real mode to 32-bit protected mode with flat segments,
 * and on to the kernel, whose entry and boot_params emulate.py left at TABLE (Documentation/arch/x86/boot.rst, "32-bit Boot Protocol").
 * Linked nowhere: every address is an offset into the image of 64 KiB, which the processor sees at 0xF0000. */
#define ROM 0xf0000
#define TABLE 0x8f000
#define BOOT_CS 0x10
#define BOOT_DS 0x18

    .code16
    .section .text
start:
    cli
    cld
    lgdtl %cs:(gdtr - start)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $BOOT_CS, $(ROM + protected - start)

    .code32
protected:
    movl $BOOT_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $TABLE, %esp
    xorl %ebx, %ebx
    xorl %ebp, %ebp
    xorl %edi, %edi
    movl TABLE + 4, %esi
    jmpl *TABLE

    .p2align 3
gdt:
    .quad 0
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
gdtr:
    .word gdtr - gdt - 1
    .long ROM + gdt - start

    .org 0xfff0
    .code16
    ljmp $(ROM >> 4), $0
    .org 0x10000
