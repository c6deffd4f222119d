"""Names for a county that does not exist: what is taught, by whom, to whom. Prices are yuan for one lesson."""

from typing import Final, NamedTuple


class Trade(NamedTuple):
    """An institution, its subject, its two courses, the range of its prices in yuan, and whether it teaches online."""

    name: str
    subject: str
    courses: tuple[str, str]
    lowest: int
    highest: int
    online: bool = False


SUBJECT: Final = (
    Trade("明德数学", "数学", ("初中数学提高", "小学数学思维"), 65, 85),
    Trade("博雅英语", "英语", ("初中英语阅读", "小学英语口语"), 65, 90),
    Trade("知行语文", "语文", ("初中语文写作", "小学语文阅读"), 60, 80),
    Trade("格物理科", "物理", ("初中物理", "初中物理实验"), 70, 95),
    Trade("新航英语", "英语", ("线上英语听说", "线上英语语法"), 50, 70, online=True),
    Trade("致远数学", "数学", ("初中数学同步", "小学数学同步"), 60, 85),
)
"""学科: what is also taught at school. On working days in term only."""

NON_SUBJECT: Final = (
    Trade("启明美术", "美术", ("素描", "水彩"), 98, 148),
    Trade("小荷舞蹈", "舞蹈", ("中国舞", "拉丁舞"), 88, 128),
    Trade("弈林围棋", "围棋", ("围棋启蒙", "围棋定级"), 80, 110),
    Trade("墨香书法", "书法", ("硬笔书法", "软笔书法"), 75, 105),
    Trade("星河编程", "编程", ("图形编程", "算法入门"), 120, 158, online=True),
    Trade("飞跃篮球", "篮球", ("篮球基础", "篮球竞技"), 85, 120),
    Trade("碧波游泳", "游泳", ("蛙泳", "自由泳"), 100, 145),
    Trade("乐风钢琴", "钢琴", ("钢琴小组课", "乐理视唱"), 110, 155),
    Trade("国球乒乓", "乒乓球", ("乒乓基础", "乒乓提高"), 80, 115),
    Trade("正道跆拳道", "跆拳道", ("品势", "实战"), 78, 108),
    Trade("天籁声乐", "声乐", ("童声合唱", "流行声乐"), 90, 130),
    Trade("弦歌提琴", "小提琴", ("小提琴初级", "小提琴重奏"), 118, 158),
    Trade("羽众羽毛球", "羽毛球", ("羽毛球基础", "羽毛球提高"), 85, 120),
    Trade("绿茵足球", "足球", ("足球启蒙", "足球梯队"), 75, 110),
    Trade("巧言口才", "口才", ("少儿主持", "演讲与辩论"), 88, 125),
    Trade("丹青国画", "国画", ("花鸟", "山水"), 90, 128),
    Trade("清音古筝", "古筝", ("古筝初级", "古筝合奏"), 100, 140),
    Trade("极速轮滑", "轮滑", ("轮滑基础", "速度轮滑"), 70, 98),
    Trade("小牛顿科学", "科学实验", ("趣味实验", "电子创客"), 105, 148),
    Trade("泥火陶艺", "陶艺", ("手捏陶艺", "拉坯"), 95, 135),
    Trade("锋芒击剑", "击剑", ("花剑", "佩剑"), 128, 158),
    Trade("创想机器人", "机器人", ("积木机器人", "单片机"), 120, 158),
)
"""非学科. The last one will close."""

SURNAMES: Final = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"
PARENTS: Final = "芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚英华玲斌红健"
CHILDREN: Final = "子轩梓涵浩然雨桐欣怡宇航思源佳琪一诺博文诗涵俊熙可馨睿哲语嫣天佑若曦景行"
