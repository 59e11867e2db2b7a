//! Every word of the page's own, in each language. Tools' output (kubectl, curl) is not ours and stays English.

use kubehop::lang::Lang;

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        /// A text of the page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Word { $(#[doc = $en] $name,)* }

        impl Word {
            /// The text in a language.
            pub const fn text(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Self::$name, Lang::En) => $en, (Self::$name, Lang::Zh) => $zh,)* }
            }
        }
    };
}

words! {
    // The top bar.
    Environment: "Environment", "环境";
    Seed: "seed", "种子";
    Undo: "Undo", "撤销";
    Reset: "Reset", "还原";
    Share: "Share", "分享";
    Copied: "Link copied", "链接已复制";
    InAddress: "The link is in the address bar", "链接在地址栏里";
    Language: "中文", "English";
    Projector: "Large type", "大字显示";
    LessonAside: "The lesson is put aside: a double click or Enter on the left border brings it back", "课程栏已收起：在左边框上双击或按回车可以恢复";
    ThemeAuto: "Theme: as the system", "主题：跟随系统";
    ThemeLight: "Theme: light", "主题：浅色";
    ThemeDark: "Theme: dark", "主题：深色";
    Menu: "Menu", "菜单";
    Open: "Open in kubehop", "在 kubehop 中打开";
    UndoHint: "Take the last command back", "撤回上一条命令";
    ResetHint: "Back to the fresh cluster; your files stay", "回到全新的集群，文件保留";
    ShareHint: "Copy a link that holds this whole session", "复制一个包含整个会话的链接";
    // Panes.
    Lesson: "Lesson", "课程";
    Yaml: "YAML", "YAML";
    Stage: "Stage", "舞台";
    Terminal: "Terminal", "终端";
    Panes: "Panes", "面板";
    ResizeLesson: "Width of the lesson", "课程栏宽度";
    ResizeCode: "Width of the editor", "编辑区宽度";
    ResizeTerminal: "Height of the terminal", "终端高度";
    ResizeInspector: "Height of the inspector", "检查面板高度";
    ResizeHelp: "Arrow keys move it, Enter hides or shows the pane", "方向键移动，回车隐藏或显示面板";
    // The editor.
    Editor: "Editor", "编辑器";
    Files: "Files", "文件";
    NewFile: "New file", "新建文件";
    NewFileName: "Name of the new file", "新文件名";
    ApplyAsYouType: "Apply as you type", "边写边应用";
    Apply: "Apply", "应用";
    Applied: "applied", "已应用";
    NotApplied: "not applied", "未应用";
    Editing: "editing", "编辑中";
    Problems: "Problems", "问题";
    LeaveEditor: "Esc, then Tab, leaves the editor", "按 Esc 再按 Tab 离开编辑器";
    // The terminal.
    NewTerminal: "New terminal", "新终端";
    CommandLine: "Command line", "命令行";
    TypeIt: "Put it into the terminal", "填到终端里";
    Welcome: "Your machine, next to the cluster. Try", "这是你的电脑，旁边就是集群。试试";
    // Lessons.
    Task: "Task", "任务";
    Check: "Check", "检查";
    Solved: "solved", "已完成";
    CopyCurl: "Copy as curl", "复制为 curl";
    CurlCopied: "Copied", "已复制";
    Back: "Back", "上一步";
    Skip: "Skip", "跳过";
    Next: "Next", "下一步";
    Solution: "Solution", "答案";
    HideSolution: "Hide the solution", "收起答案";
    RunSolution: "Do it for me", "替我做";
    Simplified: "Simplified here: every link takes a fixed time.", "这里做了简化：每段链路的耗时是固定的。";
    WhatElse: "What else is simplified", "还简化了什么";
    Close: "Close", "关闭";
    LessonMissing: "This lesson could not be loaded. Everything else works.", "课程没能载入，其余部分照常可用。";
    FreePlay: "That was the lesson. The cluster is yours: change anything, send anything.", "课程到此结束。集群归你了：随便改，随便发。";
    // Embedding.
    SendAgain: "Send nine requests", "发 9 个请求";
    // When something went wrong.
    Panic: "kubehop has a bug, and this page stopped.", "kubehop 出了错，页面停住了。";
    PanicKept: "Your files and your session are kept in this browser.", "你的文件和会话都保存在浏览器里。";
    ReloadSession: "Reload with this session", "带着会话重新载入";
    ReloadFresh: "Reload with a fresh cluster", "用全新的集群重新载入";
    BadLink: "This link's session could not be read; here is a fresh one.", "链接里的会话读不出来，已为你准备了全新的会话。";
    Recovered: "After the error only your files were restored.", "出错之后只恢复了你的文件。";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_uses_full_width_marks() {
        for word in [Word::ThemeAuto, Word::ResetHint, Word::Simplified, Word::FreePlay, Word::Panic] {
            let text = word.text(Lang::Zh);
            assert!(!text.contains([',', ':', ';', '!', '?']), "{text}");
        }
    }
}
